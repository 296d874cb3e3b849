/*
 * value_address.c
 *		Twenty's ADDRESS and LINKS values.
 */
#include "mapping.h"

PG_FUNCTION_INFO_V1(flitmig_address);
PG_FUNCTION_INFO_V1(flitmig_links);

/*
 * address(street1, street2, city, state, postcode, country text) → jsonb
 *
 * Always all six keys, '' for a blank part: that is what Twenty stores for a
 * part that was not sent (recorded: people.create.3), so sent and stored
 * compare equal, and an update clears a part that the source has lost.
 * NULL when all six are blank.
 */
Datum
flitmig_address(PG_FUNCTION_ARGS)
{
	/* jsonb's order of keys: by length, then bytewise */
	static const char *const keys[] = {
		"addressCity", "addressState", "addressCountry", "addressStreet1", "addressStreet2", "addressPostcode"};
	static const int args[] = {2, 3, 5, 0, 1, 4};
	Span			 values[6];
	bool			 blank = true;

	for (int i = 0; i < 6; i++)
	{
		values[i] = PG_ARGISNULL(args[i]) ? (Span){"", 0} : span_arg(fcinfo, args[i]);
		blank &= values[i].len == 0;
	}
	if (blank)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(json_strings(6, keys, values));
}

/* Length of "http://" or "https://" at the front, 0 when there is no scheme, -1 for another scheme. */
static int
scheme_length(Span url)
{
	const char *colon;

	if (url.len > 7 && pg_strncasecmp(url.data, "http://", 7) == 0)
		return 7;
	if (url.len > 8 && pg_strncasecmp(url.data, "https://", 8) == 0)
		return 8;
	colon = memchr(url.data, ':', url.len);
	if (colon == NULL)
		return 0;
	/* "host:8080/path" has a port, "mailto:x" and "javascript:x" a scheme */
	return colon + 1 < url.data + url.len && colon[1] >= '0' && colon[1] <= '9' ? 0 : -1;
}

/* A host name with at least one dot, or localhost, and perhaps a port. */
static bool
valid_host(const char *s, int len)
{
	int label = 0;
	int dots = 0;
	int i = 0;

	for (; i < len && s[i] != ':'; i++)
	{
		unsigned char ch = (unsigned char) s[i];

		if (ch == '.')
		{
			if (label == 0 || s[i - 1] == '-')
				return false;
			dots++;
			label = 0;
			continue;
		}
		if (!(is_ascii_alnum(ch) || (ch == '-' && label > 0)))
			return false;
		label++;
	}
	if (label < 1 || s[i - 1] == '-' || (dots == 0 && !span_is((Span){s, i}, "localhost")))
		return false;
	if (i < len)
	{
		int port = 0;

		if (len - i - 1 < 1 || len - i - 1 > 5)
			return false;
		for (i++; i < len; i++)
		{
			if (s[i] < '0' || s[i] > '9')
				return false;
			port = port * 10 + s[i] - '0';
		}
		return port <= 65535;
	}
	return true;
}

/*
 * links(url text, label text) → jsonb {"primaryLinkUrl", "primaryLinkLabel"}
 *
 * https:// is added when there is no scheme; scheme and host are lower-cased
 * and a slash at the very end is removed, as Twenty does.  The label is ''
 * when blank.  NULL for what is no http(s) address of a host (user names,
 * non-ASCII hosts, blanks inside).
 */
Datum
flitmig_links(PG_FUNCTION_ARGS)
{
	static const char *const keys[] = {"primaryLinkUrl", "primaryLinkLabel"};
	Span					 values[2];
	Span					 url;
	char					*copy;
	int						 scheme;
	int						 host = 0;
	int						 start;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	url = span_arg(fcinfo, 0);
	scheme = scheme_length(url);
	if (url.len == 0 || scheme < 0)
		PG_RETURN_NULL();
	for (int i = 0; i < url.len; i++)
		if ((unsigned char) url.data[i] <= ' ' || strchr("<>\"\\^`{|}", url.data[i]) != NULL)
			PG_RETURN_NULL();
	while (scheme + host < url.len && strchr("/?#", url.data[scheme + host]) == NULL)
		host++;
	if (!valid_host(url.data + scheme, host))
		PG_RETURN_NULL();

	copy = palloc(url.len + 8);
	start = scheme;
	if (scheme == 0)
	{
		memcpy(copy, "https://", 8);
		start = 8;
	}
	memcpy(copy + start - scheme, url.data, url.len);
	for (int i = 0; i < start + host; i++)
		copy[i] = pg_ascii_tolower((unsigned char) copy[i]);
	values[0] = (Span){copy, start - scheme + url.len};
	if (copy[values[0].len - 1] == '/')
		values[0].len--;
	values[1] = PG_ARGISNULL(1) ? (Span){"", 0} : span_arg(fcinfo, 1);
	PG_RETURN_JSONB_P(json_strings(2, keys, values));
}
