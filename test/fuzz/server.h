/*
 * server.h
 *		What the XLSX reader needs of the server, for the fuzz target that includes
 *		it behind this.  Memory goes when the run ends.
 */
#ifndef FUZZ_SERVER_H
#define FUZZ_SERVER_H

#define palloc0 fuzz_palloc0
#define pfree fuzz_pfree
#define pstrdup fuzz_pstrdup
#define psprintf fuzz_psprintf
#define repalloc_huge fuzz_repalloc_huge
#define MemoryContextAllocHuge fuzz_alloc_huge

#include "source/source.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#endif							/* FUZZ_SERVER_H */
