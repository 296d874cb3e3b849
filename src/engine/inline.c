/*
 * inline.c
 *		A file that an export holds in base64, decoded into a large object.
 *
 * Piece by piece: beside the text itself a few hundred kilobytes of memory
 * are enough for a file of any size.  Both alphabets are taken (RFC 4648, 4
 * and 5), with or without padding, with line ends between.
 */
#include "flitmig.h"

#include "access/xact.h"
#include "common/sha2.h"
#include "funcapi.h"
#include "libpq/libpq-fs.h"
#include "miscadmin.h"
#include "storage/large_object.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(flitmig_decode_inline);

#define PIECE_BYTES (192 * 1024) /* a multiple of three: whole groups of base64 */

/* How many bytes the text stands for; 0: it is empty, or no base64. */
static int64
decoded_bytes(const char *data, size_t length)
{
	int64 digits = 0;
	int	  padding = 0;

	for (size_t i = 0; i < length; i++)
	{
		int value = base64_digit(data[i]);

		if (value == BASE64_OTHER || (value >= 0 && padding > 0))
			return 0;
		digits += value >= 0;
		padding += value == BASE64_PADDING;
	}
	if (digits % 4 == 1 || padding > 2 || (padding > 0 && (digits + padding) % 4 != 0))
		return 0;
	return digits * 3 / 4;
}

typedef struct Piece
{
	LargeObjectDesc	  *object;
	pg_cryptohash_ctx *sha;
	char			  *bytes;
	int				   n;
} Piece;

static void
piece_write(Piece *piece)
{
	CHECK_FOR_INTERRUPTS();
	if (piece->n == 0)
		return;
	if (pg_cryptohash_update(piece->sha, (const uint8 *) piece->bytes, piece->n) < 0)
		elog(ERROR, "could not compute SHA-256");
	inv_write(piece->object, piece->bytes, piece->n);
	piece->n = 0;
}

/* Writes the bytes that the text stands for, piece by piece. */
static void
decode(const char *data, size_t length, Piece *piece)
{
	uint32 group = 0;
	int	   bits = 0;

	for (size_t i = 0; i < length; i++)
	{
		int value = base64_digit(data[i]);

		if (value < 0)
			continue;
		group = (group << 6) | value;
		bits += 6;
		if (bits >= 8)
		{
			bits -= 8;
			piece->bytes[piece->n++] = (char) (group >> bits);
			if (piece->n == PIECE_BYTES)
				piece_write(piece);
		}
	}
	piece_write(piece);
}

/* flitmig._decode_inline(data text, OUT copy oid, OUT bytes bigint, OUT sha256 bytea): all NULL when it is no base64 */
Datum
flitmig_decode_inline(PG_FUNCTION_ARGS)
{
	text	   *data = PG_GETARG_TEXT_PP(0);
	const char *start = VARDATA_ANY(data);
	size_t		length = VARSIZE_ANY_EXHDR(data);
	int64		bytes = decoded_bytes(start, length);
	bytea	   *digest = palloc0(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	Datum		values[3] = {0};
	bool		nulls[3] = {true, true, true};
	TupleDesc	desc;
	Piece		piece = {0};
	Oid			oid;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "a row type was expected");
	desc = BlessTupleDesc(desc);
	if (bytes == 0)
		PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
	oid = inv_create(InvalidOid);
	CommandCounterIncrement();
	piece.object = inv_open(oid, INV_WRITE, CurrentMemoryContext);
	piece.bytes = palloc(PIECE_BYTES);
	piece.sha = pg_cryptohash_create(PG_SHA256);
	if (piece.sha == NULL || pg_cryptohash_init(piece.sha) < 0)
		elog(ERROR, "could not compute SHA-256");
	PG_TRY();
	{
		decode(start, length, &piece);
		if (pg_cryptohash_final(piece.sha, (uint8 *) VARDATA(digest), PG_SHA256_DIGEST_LENGTH) < 0)
			elog(ERROR, "could not compute SHA-256");
	}
	PG_FINALLY();
	{
		pg_cryptohash_free(piece.sha);
	}
	PG_END_TRY();
	inv_close(piece.object);
	SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	values[0] = ObjectIdGetDatum(oid);
	values[1] = Int64GetDatum(bytes);
	values[2] = PointerGetDatum(digest);
	memset(nulls, 0, sizeof(nulls));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
