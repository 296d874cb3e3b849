/*
 * hash.c
 *		The hash of a cell: one for the row's _hash and for distinct values.
 *
 * Eight bytes a step, folded by a 64 x 64 bit multiplication, as wyhash does
 * (Wang Yi, public domain).  It is stored, so it must not change.
 */
#include "source/source.h"

#include "port/pg_bswap.h"

#define PRIME_1 UINT64CONST(0xa0761d6478bd642f)
#define PRIME_2 UINT64CONST(0xe7037ed1a0b428db)

/* The 128 bits of a product, folded into 64. */
static inline uint64
fold(uint64 a, uint64 b)
{
#ifdef HAVE_INT128
	uint128 product = (uint128) a * b;

	return (uint64) product ^ (uint64) (product >> 64);
#else
	uint64 high = (a >> 32) * (b >> 32);
	uint64 middle_1 = (a >> 32) * (uint32) b;
	uint64 middle_2 = (uint32) a * (b >> 32);
	uint64 low = (uint64) (uint32) a * (uint32) b;
	uint64 middle = middle_1 + (low >> 32) + (uint32) middle_2;

	return ((middle << 32) | (uint32) low) ^ (high + (middle >> 32) + (middle_2 >> 32));
#endif
}

static inline uint64
eight_bytes(const char *p)
{
	uint64 word;

	memcpy(&word, p, 8);
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	return word;
}

/* The last bytes, fewer than eight, as a little-endian number. */
static inline uint64
few_bytes(const char *p, size_t length)
{
	const unsigned char *b = (const unsigned char *) p;

	if (length >= 4)
	{
		uint32 low,
			high;

		memcpy(&low, p, 4);
		memcpy(&high, p + length - 4, 4);
#ifdef WORDS_BIGENDIAN
		low = pg_bswap32(low);
		high = pg_bswap32(high);
#endif
		return low | (uint64) high << (8 * (length - 4));
	}
	if (length == 0)
		return 0;
	return b[0] | (uint64) b[length / 2] << (8 * (length / 2)) | (uint64) b[length - 1] << (8 * (length - 1));
}

uint64
value_hash(const char *data, size_t length, uint64 seed)
{
	uint64 hash = seed ^ PRIME_1;
	size_t left = length;

	for (; left >= 8; data += 8, left -= 8)
		hash = fold(eight_bytes(data) ^ PRIME_2, hash ^ PRIME_1);
	hash = fold(few_bytes(data, left) ^ PRIME_2, hash ^ PRIME_1);
	return fold(hash ^ (uint64) length, PRIME_2);
}

uint64
name_seed(const char *name)
{
	return value_hash(name, strlen(name), 0);
}
