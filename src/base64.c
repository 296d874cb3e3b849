/*
 * base64.c
 *		Base64 in either alphabet (RFC 4648, 4 and 5).
 */
#include "flitmig.h"

/* What six bits a digit stands for, or one of the BASE64_* that stand for none. */
int
base64_digit(char ch)
{
	if (ch >= 'A' && ch <= 'Z')
		return ch - 'A';
	if (ch >= 'a' && ch <= 'z')
		return ch - 'a' + 26;
	if (ch >= '0' && ch <= '9')
		return ch - '0' + 52;
	if (ch == '+' || ch == '-')
		return 62;
	if (ch == '/' || ch == '_')
		return 63;
	if (ch == '=')
		return BASE64_PADDING;
	return (unsigned char) ch <= ' ' ? BASE64_BLANK : BASE64_OTHER;
}

int
base64_decode(const char *data, int length, char **out)
{
	uint32 bits = 0;
	int	   held = 0;
	int	   len = 0;
	bool   ended = false;

	*out = palloc(length / 4 * 3 + 4);
	for (int i = 0; i < length; i++)
	{
		int digit = base64_digit(data[i]);

		if (digit == BASE64_BLANK)
			continue;
		if (digit == BASE64_OTHER || (ended && digit >= 0))
			return -1;
		if (digit == BASE64_PADDING)
		{
			ended = true;
			continue;
		}
		bits = bits << 6 | (uint32) digit;
		held += 6;
		if (held >= 8)
		{
			held -= 8;
			(*out)[len++] = (char) (bits >> held & 0xFF);
		}
	}
	/* six bits left over are half a byte: the text was cut */
	return held == 6 ? -1 : len;
}
