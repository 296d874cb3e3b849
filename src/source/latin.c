/*
 * latin.c
 *		Which encoding of the Latin alphabets some bytes are in.
 *
 * Windows, DOS and the Mac put other letters on the same bytes, so each
 * encoding makes words of a file, but only the right one makes those of a
 * language: no symbols inside words, no capitals behind small letters, and
 * accents that one language has together.
 */
#include "source/text_core.h"

#include <string.h>

/* In the order of preference where they say the same. */
static const char *const encodings[] = {"WINDOWS-1252", "WINDOWS-1250", "ISO-8859-2", "CP850", "MACINTOSH", "CP852", "WINDOWS-1254", "WINDOWS-1257", "MACCENTRALEUROPE", NULL};

/* Letters beyond ASCII that stand together in names and sentences of a language, or of neighbours. */
static const char *const languages[] = {
	"äöüßÄÖÜéèàâêîôûç",								/* German, Alemannic */
	"àâæçéèêëîïôœùûüÿÀÂÆÇÉÈÊËÎÏÔŒÙÛÜ",				/* French */
	"áéíóúüñàèìòùçãõâêôïÁÉÍÓÚÜÑÀÈÌÒÙÇÃÕÂÊÔºª",		/* Spanish, Portuguese, Italian, Catalan */
	"åäöæøéüáíóúýÅÄÖÆØÉÜÁÍÓÚÝ",						/* Nordic; not the letters that only Icelandic has, which Turkish has its own on */
	"ëïéèöüóÉ",										/* Dutch */
	"ąćęłńóśźżĄĆĘŁŃÓŚŹŻ",							/* Polish */
	"áčďéěíňóřšťúůýžäĺľôŕöüÁČĎÉĚÍŇÓŘŠŤÚŮÝŽÄĹĽÔŔÖÜ", /* Czech, Slovak */
	"áéíóöőúüűÁÉÍÓÖŐÚÜŰ",							/* Hungarian */
	"ăâîşţșțĂÂÎŞŢȘȚ",								/* Romanian */
	"čćđšžČĆĐŠŽ",									/* Croatian, Slovene */
	"çğıöşüâîÇĞİÖŞÜ",								/* Turkish */
	"āčēģīķļņšūžąęėįųõäöüĀČĒĢĪĶĻŅŠŪŽĄĘĖĮŲÕÄÖÜ",		/* Baltic, Estonian */
	NULL};

/* What stands in the texts of all of them. */
static const char signs[] = "‘’‚“”„–—…«»‹›°€£§©®·•¿¡½¼¾±²³µ\xC2\xA0\xC2\xAD";

#define POINTS_OF_LETTER   4
#define POINTS_OF_STRANGER (-2) /* a letter of another language */
#define POINTS_OF_SIGN	   1
#define POINTS_OF_NONSENSE (-8)
#define POINTS_OF_NOTHING  (-4) /* a damaged file has such bytes, too */

static bool
is_ascii_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether the list has the character; a list is the text of some. */
static bool
has_character(const char *list, const char *character, size_t length)
{
	for (const char *p = list; (p = strstr(p, character)) != NULL; p += length)
		if (((unsigned char) p[length] & 0xC0) != 0x80)
			return true;
	return false;
}

/* What a byte above 0x7f is in an encoding. */
typedef enum Kind
{
	KIND_NONE, /* nothing, or a control character */
	KIND_SMALL,
	KIND_CAPITAL,
	KIND_SIGN,
	KIND_SYMBOL /* box drawing, mathematics */
} Kind;

/* Two bytes of UTF-8 from U+00C0 to U+024F are letters; of each pair the capital has the even number, with exceptions. */
static Kind
kind_of(const char *character, size_t length)
{
	unsigned char a = (unsigned char) character[0],
				  b = (unsigned char) character[1];
	unsigned code;

	if (length == 0 || (length == 2 && a == 0xC2 && b < 0xA0))
		return KIND_NONE;
	if (has_character(signs, character, length))
		return KIND_SIGN;
	if (length != 2 || a < 0xC3 || a > 0xC8)
		return length == 2 && a == 0xC2 && (b == 0xAA || b == 0xBA) ? KIND_SIGN : KIND_SYMBOL;
	code = (unsigned) (a & 0x1F) << 6 | (b & 0x3F);
	if (code == 0xD7 || code == 0xF7)
		return KIND_SYMBOL;
	if (code < 0x100)
		return code < 0xDF ? KIND_CAPITAL : KIND_SMALL;
	if (code == 0x131 || code == 0x138)
		return KIND_SMALL;
	if (code == 0x130 || code == 0x178)
		return KIND_CAPITAL;
	if ((code >= 0x139 && code <= 0x148) || (code >= 0x179 && code <= 0x17E))
		return code & 1 ? KIND_CAPITAL : KIND_SMALL;
	return code & 1 ? KIND_SMALL : KIND_CAPITAL;
}

/* The kinds of all bytes, and which of them are letters of a language. */
typedef struct Alphabet
{
	unsigned char kind[128];
	bool		  member[128];
	bool		  apostrophe[128];
	bool		  currency[128];
} Alphabet;

static void
fill_kinds(Alphabet *alphabet, const Encoding *encoding)
{
	for (int i = 0; i < 128; i++)
	{
		char character[5] = {0};

		memcpy(character, encoding->table[i], encoding->table_length[i]);
		alphabet->kind[i] = (unsigned char) kind_of(character, encoding->table_length[i]);
		alphabet->apostrophe[i] = strcmp(character, "’") == 0 || strcmp(character, "·") == 0 || strcmp(character, "\xC2\xAD") == 0;
		alphabet->currency[i] = strcmp(character, "£") == 0 || strcmp(character, "€") == 0;
	}
}

static void
fill_members(Alphabet *alphabet, const Encoding *encoding, const char *language)
{
	for (int i = 0; i < 128; i++)
	{
		char character[5] = {0};

		memcpy(character, encoding->table[i], encoding->table_length[i]);
		alphabet->member[i] = encoding->table_length[i] > 0 && has_character(language, character, encoding->table_length[i]);
	}
}

static bool
is_small(const Alphabet *alphabet, unsigned char c)
{
	return c >= 0x80 ? alphabet->kind[c - 0x80] == KIND_SMALL : c >= 'a' && c <= 'z';
}

static bool
is_letter(const Alphabet *alphabet, unsigned char c)
{
	return c >= 0x80 ? alphabet->kind[c - 0x80] == KIND_SMALL || alphabet->kind[c - 0x80] == KIND_CAPITAL : is_ascii_letter(c);
}

/* How well a byte fits where it stands, between these two. */
static int
points_of(const Alphabet *alphabet, unsigned char before, unsigned char c, unsigned char after)
{
	int	 i = c - 0x80;
	bool inside = is_letter(alphabet, before) && is_letter(alphabet, after);

	switch ((Kind) alphabet->kind[i])
	{
		case KIND_SMALL:
			return alphabet->member[i] ? POINTS_OF_LETTER : POINTS_OF_STRANGER;
		case KIND_CAPITAL:
			if (is_small(alphabet, before))
				return POINTS_OF_NONSENSE;
			return alphabet->member[i] ? POINTS_OF_LETTER : POINTS_OF_STRANGER;
		case KIND_SIGN:
			/* an apostrophe stands inside words, no other sign does; a currency's sign does not stand right before a letter */
			if (inside)
				return alphabet->apostrophe[i] ? POINTS_OF_SIGN : POINTS_OF_NONSENSE;
			return alphabet->currency[i] && is_letter(alphabet, after) ? POINTS_OF_NONSENSE : POINTS_OF_SIGN;
		case KIND_SYMBOL:
			return is_letter(alphabet, before) || is_letter(alphabet, after) ? POINTS_OF_NONSENSE : POINTS_OF_STRANGER;
		case KIND_NONE:
			break;
	}
	return POINTS_OF_NOTHING;
}

static int64_t
points(const Alphabet *alphabet, const unsigned char *text, size_t length)
{
	int64_t sum = 0;

	for (size_t i = 0; i < length; i++)
		if (text[i] >= 0x80)
			sum += points_of(alphabet, i > 0 ? text[i - 1] : ' ', text[i], i + 1 < length ? text[i + 1] : ' ');
	return sum;
}

/* The name of the encoding in which the sample makes most sense. */
const char *
latin_encoding(const Bytes *sample)
{
	const char *best = encodings[0];
	int64_t		best_points = INT64_MIN;

	for (int e = 0; encodings[e]; e++)
	{
		Encoding encoding;
		Alphabet alphabet;

		if (!encoding_by_name(&encoding, encodings[e]) || encoding.kind != ENCODING_SINGLE_BYTE)
			continue;
		fill_kinds(&alphabet, &encoding);
		for (int l = 0; languages[l]; l++)
		{
			int64_t sum;

			fill_members(&alphabet, &encoding, languages[l]);
			sum = points(&alphabet, (const unsigned char *) sample->data, sample->length);
			if (sum > best_points)
			{
				best_points = sum;
				best = encodings[e];
			}
		}
	}
	return best;
}
