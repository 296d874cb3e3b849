/*
 * latin_base.c
 *		Latin letters without their accents.
 */
#include "latin_base.h"

#include <stddef.h>

/* U+00C0-U+017F (Latin-1 Supplement and Latin Extended-A), from the Unicode names of the letters. */
static const char *const latin_letters[] = {
	"A", "A", "A", "A", "A", "A", "AE", "C", "E", "E", "E", "E", "I", "I", "I", "I",
	"D", "N", "O", "O", "O", "O", "O", NULL, "O", "U", "U", "U", "U", "Y", "TH", "ss",
	"a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i",
	"d", "n", "o", "o", "o", "o", "o", NULL, "o", "u", "u", "u", "u", "y", "th", "y",
	"A", "a", "A", "a", "A", "a", "C", "c", "C", "c", "C", "c", "C", "c", "D", "d",
	"D", "d", "E", "e", "E", "e", "E", "e", "E", "e", "E", "e", "G", "g", "G", "g",
	"G", "g", "G", "g", "H", "h", "H", "h", "I", "i", "I", "i", "I", "i", "I", "i",
	"I", "i", "IJ", "ij", "J", "j", "K", "k", "k", "L", "l", "L", "l", "L", "l", "L",
	"l", "L", "l", "N", "n", "N", "n", "N", "n", "n", "N", "n", "O", "o", "O", "o",
	"O", "o", "OE", "oe", "R", "r", "R", "r", "R", "r", "S", "s", "S", "s", "S", "s",
	"S", "s", "T", "t", "T", "t", "T", "t", "U", "u", "U", "u", "U", "u", "U", "u",
	"U", "u", "U", "u", "W", "w", "Y", "y", "Y", "Z", "z", "Z", "z", "Z", "z", "s"};

const char *
latin_base(unsigned codepoint)
{
	if (codepoint == 0x218)
		return "S";
	if (codepoint == 0x219)
		return "s";
	if (codepoint == 0x21A)
		return "T";
	if (codepoint == 0x21B)
		return "t";
	if (codepoint == 0x1E9E)
		return "SS";
	if (codepoint < 0xC0 || codepoint > 0x17F)
		return NULL;
	return latin_letters[codepoint - 0xC0];
}
