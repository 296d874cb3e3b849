/*
 * value_uuid.c
 *		Version 5 UUIDs: the same source record always gets the same id.
 *
 * SHA-1 is written out here: the server's goes through OpenSSL, where setting
 * up a digest takes five times as long as the one or two blocks of a key, and
 * where a hardened host refuses SHA-1 although nothing is kept secret by it.
 */
#include "mapping.h"

#include "utils/uuid.h"

#define SHA1_BYTES 20
#define SHA1_BLOCK 64

PG_FUNCTION_INFO_V1(flitmig_uuid_v5);

static uint32
rotate(uint32 value, int bits)
{
	return (value << bits) | (value >> (32 - bits));
}

/* One block of 64 bytes, FIPS 180-4 section 6.1.2. */
static void
sha1_block(uint32 *state, const uint8 *block)
{
	uint32 w[80];
	uint32 a = state[0],
		   b = state[1],
		   c = state[2],
		   d = state[3],
		   e = state[4];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32) block[i * 4] << 24 | (uint32) block[i * 4 + 1] << 16 |
			   (uint32) block[i * 4 + 2] << 8 | block[i * 4 + 3];
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (int i = 0; i < 80; i++)
	{
		uint32 t = rotate(a, 5) + e + w[i];

		if (i < 20)
			t += ((b & c) | (~b & d)) + 0x5A827999;
		else if (i < 40)
			t += (b ^ c ^ d) + 0x6ED9EBA1;
		else if (i < 60)
			t += ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC;
		else
			t += (b ^ c ^ d) + 0xCA62C1D6;

		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = t;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

/* SHA-1 of two pieces. */
static void
sha1(const uint8 *a, size_t alen, const uint8 *b, size_t blen, uint8 *digest)
{
	uint32 state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
	uint8  few[2 * SHA1_BLOCK] = {0};
	size_t total = alen + blen;
	size_t padded = (total + 9 + SHA1_BLOCK - 1) / SHA1_BLOCK * SHA1_BLOCK;
	uint8 *message = padded <= sizeof(few) ? few : palloc0(padded);

	memcpy(message, a, alen);
	memcpy(message + alen, b, blen);
	message[total] = 0x80;
	for (int i = 0; i < 8; i++)
		message[padded - 1 - i] = (uint8) (((uint64) total * 8) >> (i * 8));
	for (size_t at = 0; at < padded; at += SHA1_BLOCK)
		sha1_block(state, message + at);
	for (int i = 0; i < SHA1_BYTES; i++)
		digest[i] = (uint8) (state[i / 4] >> (24 - i % 4 * 8));
	if (message != few)
		pfree(message);
}

/*
 * uuid_v5(namespace uuid, name text) → uuid
 *
 * RFC 9562 section 5.5: SHA-1 of the namespace and the bytes of the name,
 * with version and variant set.  Equal to uuid_generate_v5 of uuid-ossp.
 */
Datum
flitmig_uuid_v5(PG_FUNCTION_ARGS)
{
	pg_uuid_t *space = PG_GETARG_UUID_P(0);
	text	  *name = PG_GETARG_TEXT_PP(1);
	uint8	   digest[SHA1_BYTES];
	pg_uuid_t *result = palloc(sizeof(pg_uuid_t));

	sha1(space->data, UUID_LEN, (const uint8 *) VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), digest);
	digest[6] = (digest[6] & 0x0F) | 0x50;
	digest[8] = (digest[8] & 0x3F) | 0x80;
	memcpy(result->data, digest, UUID_LEN);
	PG_RETURN_UUID_P(result);
}
