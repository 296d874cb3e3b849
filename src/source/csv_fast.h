/*
 * csv_fast.h
 *		What csv_reader.c asks of csv_fast.c.
 */
#ifndef FLITMIG_CSV_FAST_H
#define FLITMIG_CSV_FAST_H

#include "source/text_core.h"

/* The buffer must have that many bytes behind what is filled. */
#define CSV_FAST_SLACK 64

extern bool csv_is_fast(const CsvDialect *dialect);
extern bool csv_fast_row(CsvReader *reader);

#endif /* FLITMIG_CSV_FAST_H */
