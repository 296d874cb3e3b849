/*
 * value_address_line.c
 *		An address in one cell.
 *
 * It is read from its end, where countries differ least: country, postcode
 * and state, city; what is before them is the street.
 *
 *	  12 Main St, Apt 4, Boston, MA 02101, USA
 *	  └street1─┘  └ 2 ┘  └city┘  st └zip┘  └country
 *
 * Commas, semicolons and line ends part it.  Where nothing stands between
 * street and city they cannot be told apart, and the cell is not read.
 */
#include "mapping.h"

PG_FUNCTION_INFO_V1(flitmig_address_line);

/* More parts or words than an address has. */
#define MAX_PARTS 12
#define MAX_WORDS 12

typedef struct NamedCode
{
	const char *name; /* folded */
	const char *code;
} NamedCode;

/* Sorted: the countries that exports of clinics write out, as ISO 3166 has them. */
static const NamedCode countries[] = {
	{"at", "AT"}, {"au", "AU"}, {"australia", "AU"}, {"austria", "AT"}, {"be", "BE"}, {"belgique", "BE"}, {"belgium", "BE"}, {"ca", "CA"}, {"canada", "CA"}, {"ch", "CH"}, {"de", "DE"}, {"deutschland", "DE"}, {"england", "GB"}, {"es", "ES"}, {"espana", "ES"}, {"fr", "FR"}, {"france", "FR"}, {"gb", "GB"}, {"germany", "DE"}, {"great britain", "GB"}, {"ie", "IE"}, {"ireland", "IE"}, {"it", "IT"}, {"italia", "IT"}, {"italy", "IT"}, {"mexico", "MX"}, {"mx", "MX"}, {"netherlands", "NL"}, {"new zealand", "NZ"}, {"nl", "NL"}, {"northern ireland", "GB"}, {"nz", "NZ"}, {"osterreich", "AT"}, {"portugal", "PT"}, {"pt", "PT"}, {"schweiz", "CH"}, {"scotland", "GB"}, {"spain", "ES"}, {"suisse", "CH"}, {"switzerland", "CH"}, {"u.s.", "US"}, {"u.s.a.", "US"}, {"uk", "GB"}, {"united kingdom", "GB"}, {"united states", "US"}, {"united states of america", "US"}, {"us", "US"}, {"usa", "US"}, {"wales", "GB"}};

/* Sorted: states, provinces and territories, by country and code. */
static const char *const state_codes[] = {
	"AU ACT", "AU NSW", "AU NT", "AU QLD", "AU SA", "AU TAS", "AU VIC", "AU WA",
	"CA AB", "CA BC", "CA MB", "CA NB", "CA NL", "CA NS", "CA NT", "CA NU", "CA ON", "CA PE", "CA QC", "CA SK", "CA YT",
	"US AA", "US AE", "US AK", "US AL", "US AP", "US AR", "US AS", "US AZ", "US CA", "US CO", "US CT", "US DC", "US DE", "US FL", "US GA", "US GU", "US HI", "US IA", "US ID", "US IL", "US IN", "US KS", "US KY", "US LA", "US MA", "US MD", "US ME", "US MI", "US MN", "US MO", "US MP", "US MS", "US MT", "US NC", "US ND", "US NE", "US NH", "US NJ", "US NM", "US NV", "US NY", "US OH", "US OK", "US OR", "US PA", "US PR", "US RI", "US SC", "US SD", "US TN", "US TX", "US UT", "US VA", "US VI", "US VT", "US WA", "US WI", "US WV", "US WY"};

/* Sorted: their names, folded. */
static const char *const state_names[] = {
	"alabama", "alaska", "alberta", "arizona", "arkansas", "british columbia", "california", "colorado", "connecticut", "delaware", "district of columbia", "florida", "georgia", "hawaii", "idaho", "illinois", "indiana", "iowa", "kansas", "kentucky", "louisiana", "maine", "manitoba", "maryland", "massachusetts", "michigan", "minnesota", "mississippi", "missouri", "montana", "nebraska", "nevada", "new brunswick", "new hampshire", "new jersey", "new mexico", "new south wales", "new york", "newfoundland and labrador", "north carolina", "north dakota", "northwest territories", "nova scotia", "nunavut", "ohio", "oklahoma", "ontario", "oregon", "pennsylvania", "prince edward island", "puerto rico", "quebec", "queensland", "rhode island", "saskatchewan", "south australia", "south carolina", "south dakota", "tasmania", "tennessee", "texas", "utah", "vermont", "victoria", "virginia", "washington", "west virginia", "western australia", "wisconsin", "wyoming", "yukon"};

typedef struct Line
{
	Span		part[MAX_PARTS];
	int			parts;
	const char *country; /* two letters: how postcodes and states look */
} Line;

/* 9 a digit, A a letter, anything else itself. */
static bool
looks_like(Span span, const char *pattern)
{
	int n = (int) strlen(pattern);

	if (span.len != n)
		return false;
	for (int i = 0; i < n; i++)
	{
		unsigned char ch = (unsigned char) span.data[i];

		if (pattern[i] == '9' ? !is_ascii_digit(ch) : pattern[i] == 'A' ? !is_ascii_letter(ch)
																		: ch != pattern[i])
			return false;
	}
	return true;
}

static bool
is_postcode(Span span, const char *country)
{
	static const struct
	{
		const char *country;
		const char *pattern;
	} patterns[] = {
		{"US", "99999"}, {"US", "99999-9999"}, {"CA", "A9A 9A9"}, {"CA", "A9A9A9"}, {"AU", "9999"}, {"NZ", "9999"}, {"AT", "9999"}, {"BE", "9999"}, {"CH", "9999"}, {"DE", "99999"}, {"ES", "99999"}, {"FR", "99999"}, {"IT", "99999"}, {"MX", "99999"}, {"NL", "9999 AA"}, {"NL", "9999AA"}, {"PT", "9999-999"}, {"GB", "A9 9AA"}, {"GB", "A99 9AA"}, {"GB", "AA9 9AA"}, {"GB", "AA99 9AA"}, {"GB", "A9A 9AA"}, {"GB", "AA9A 9AA"}, {"IE", "A99 AAAA"}, {"IE", "A99 A9A9"}, {"IE", "A99 AA99"}, {"IE", "A99 A999"}};

	for (int i = 0; i < lengthof(patterns); i++)
		if (strcmp(country, patterns[i].country) == 0 && looks_like(span, patterns[i].pattern))
			return true;
	return false;
}

/* A state or province by its code or name, in countries whose addresses have one. */
static bool
is_state(Span span, const char *country)
{
	char word[32];

	if (strcmp(country, "US") != 0 && strcmp(country, "CA") != 0 && strcmp(country, "AU") != 0)
		return false;
	if (looks_like(span, "A.A.")) /* D.C. */
	{
		snprintf(word, sizeof(word), "%s %c%c", country, pg_ascii_toupper((unsigned char) span.data[0]), pg_ascii_toupper((unsigned char) span.data[2]));
		return word_in(word, state_codes, lengthof(state_codes));
	}
	if (span.len == 2 || span.len == 3)
	{
		snprintf(word, sizeof(word), "%s %c%c%.*s", country, pg_ascii_toupper((unsigned char) span.data[0]),
				 pg_ascii_toupper((unsigned char) span.data[1]), span.len - 2, span.data + 2);
		word[5] = pg_ascii_toupper((unsigned char) word[5]);
		return word_in(word, state_codes, lengthof(state_codes));
	}
	return span_fold(span, word, sizeof(word)) && word_in(word, state_names, lengthof(state_names));
}

static const char *
country_code(Span span)
{
	char word[32];

	if (span_fold(span, word, sizeof(word)))
		for (int i = 0; i < lengthof(countries); i++)
			if (strcmp(word, countries[i].name) == 0)
				return countries[i].code;
	return NULL;
}

/* Parts the cell at its commas; false when there are too many. */
static bool
split_parts(Span cell, Line *line)
{
	const char *end = cell.data + cell.len;

	line->parts = 0;
	for (const char *at = cell.data; at <= end;)
	{
		const char *comma = at < end ? memchr(at, ',', end - at) : NULL;
		Span		part = span_trim((Span){at, (int) ((comma ? comma : end) - at)});

		if (part.len > 0)
		{
			if (line->parts == MAX_PARTS)
				return false;
			line->part[line->parts++] = part;
		}
		if (comma == NULL)
			break;
		at = comma + 1;
	}
	return line->parts > 0;
}

/* Splits at blanks, into MAX_WORDS at the most; how many there are. */
static int
split_words(Span part, Span *words)
{
	const char *end = part.data + part.len;
	int			count = 0;

	for (const char *at = part.data; at < end && count < MAX_WORDS;)
	{
		const char *blank = memchr(at, ' ', end - at);
		int			length = (int) ((blank ? blank : end) - at);

		if (length > 0)
			words[count++] = (Span){at, length};
		at += length + 1;
	}
	return count;
}

/* From the beginning of one word to the end of another. */
static Span
span_between(Span first, Span last)
{
	return (Span){first.data, (int) (last.data + last.len - first.data)};
}

/* Takes postcode and state from the end of a part's words (postcodes of the continent from their front). */
static void
take_place(Span *words, int *first, int *count, const char *country, Span *postcode, Span *state)
{
	for (int width = 1; width <= 2 && postcode->len == 0; width++)
		if (*count - *first >= width && is_postcode(span_between(words[*count - width], words[*count - 1]), country))
		{
			*postcode = span_between(words[*count - width], words[*count - 1]);
			*count -= width;
		}
	for (int width = 1; width <= 3 && state->len == 0; width++)
		if (*count - *first >= width && is_state(span_between(words[*count - width], words[*count - 1]), country))
		{
			*state = span_between(words[*count - width], words[*count - 1]);
			*count -= width;
		}
	for (int width = 1; width <= 2 && postcode->len == 0; width++)
		if (*count - *first > width && is_postcode(span_between(words[*first], words[*first + width - 1]), country))
		{
			*postcode = span_between(words[*first], words[*first + width - 1]);
			*first += width;
		}
}

static bool
has_digit(Span span)
{
	for (int i = 0; i < span.len; i++)
		if (is_ascii_digit(span.data[i]))
			return true;
	return false;
}

/* Words that end a street's name, folded, sorted. */
static const char *const street_words[] = {
	"ave", "avenue", "blvd", "boulevard", "cir", "circle", "court", "ct", "dr", "drive", "highway", "hwy", "lane", "ln",
	"parkway", "pkwy", "pl", "place", "rd", "road", "st", "street", "ter", "terrace", "way"};

/* Does something follow the street and its number, as the city does in "12 Elm St Salem"? */
static bool
street_goes_on(Span part)
{
	Span words[MAX_WORDS];
	int	 count = split_words(part, words);
	char word[16];

	for (int i = 1; i < count - 1; i++)
	{
		Span bare = words[i];
		Span last = words[count - 1];

		while (bare.len > 1 && bare.data[bare.len - 1] == '.')
			bare.len--;
		if (span_fold(bare, word, sizeof(word)) && word_in(word, street_words, lengthof(street_words)))
			return last.len > 2 && !has_digit(last);
		if (strcmp(word, "box") == 0 && i + 2 < count && !has_digit(last))
			return true;
	}
	return false;
}

/* An abbreviation that is no state is no city either: ZZ, Mass. */
static bool
is_unknown_state(Span rest, const Line *line, Span state)
{
	if (state.len > 0 || line->parts < 2 || (strcmp(line->country, "US") != 0 && strcmp(line->country, "CA") != 0 && strcmp(line->country, "AU") != 0))
		return false;
	/* "Boston, Mass 02101" */
	if (strcmp(line->country, "US") == 0 && line->parts > 2 && !has_digit(line->part[line->parts - 2]))
		return true;
	return looks_like(rest, "AA") || rest.data[rest.len - 1] == '.';
}

/* Whether a part of the street ends with a postcode: there are two addresses in the cell. */
static bool
is_second_address(const Line *line)
{
	for (int i = 0; i < line->parts; i++)
	{
		Span words[MAX_WORDS];
		int	 count = split_words(line->part[i], words);

		if (count > 1 && is_postcode(words[count - 1], line->country))
			return true;
	}
	return false;
}

/* A house's number alone: "12, rue de Rivoli". */
static bool
is_house_number(Span part)
{
	return part.len <= 5 && is_ascii_digit(part.data[0]);
}

/* Postcode, state and city off the end of the line; false when there is neither of the first two. */
static bool
read_place(Line *line, Span *postcode, Span *state, Span *city)
{
	while (line->parts > 0 && city->len == 0)
	{
		Span words[MAX_WORDS];
		int	 count = split_words(line->part[line->parts - 1], words);
		int	 first = 0;
		Span before[] = {*postcode, *state};

		if (count == MAX_WORDS)
			return false;
		take_place(words, &first, &count, line->country, postcode, state);
		if (postcode->len == 0 && state->len == 0)
			return false;
		if (count > first)
		{
			Span rest = span_between(words[first], words[count - 1]);

			/* a street before a postcode with nothing between is two things in one */
			if (has_digit(rest))
			{
				*postcode = before[0];
				*state = before[1];
				return line->parts == 1 && (postcode->len > 0 || state->len > 0);
			}
			if (is_unknown_state(rest, line, *state))
				return false;
			*city = rest;
		}
		line->parts--;
	}
	return true;
}

/*
 * address_line(cell text, country text) → jsonb
 *
 * An ADDRESS value from one cell; country (ISO 3166) is where it lies unless
 * the cell says so itself.  A city, a state and a postcode without a street
 * are one too.  NULL when there is neither postcode nor state, or when street
 * and city cannot be told apart.
 */
Datum
flitmig_address_line(PG_FUNCTION_ARGS)
{
	static const char *const keys[] = {
		"addressCity", "addressState", "addressCountry", "addressStreet1", "addressStreet2", "addressPostcode"};
	Span		blank = {"", 0};
	Span		values[6] = {blank, blank, blank, blank, blank, blank};
	Span		cell;
	Line		line;
	const char *named;
	char		country[3] = "";
	char	   *copy;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	cell = span_arg(fcinfo, 0);
	copy = palloc(cell.len + 1);
	for (int i = 0; i < cell.len; i++)
		copy[i] = cell.data[i] == '\n' || cell.data[i] == '\r' || cell.data[i] == ';' || cell.data[i] == '|' ? ',' : cell.data[i] == '\t' ? ' '
																																		  : cell.data[i];
	if (!split_parts((Span){copy, cell.len}, &line))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1) && span_arg(fcinfo, 1).len == 2)
	{
		country[0] = pg_ascii_toupper((unsigned char) span_arg(fcinfo, 1).data[0]);
		country[1] = pg_ascii_toupper((unsigned char) span_arg(fcinfo, 1).data[1]);
	}
	line.country = country;

	/* "CA" at the end is California to an American and Canada to the others */
	named = line.parts > 1 && !is_state(line.part[line.parts - 1], country) ? country_code(line.part[line.parts - 1]) : NULL;
	if (named != NULL)
	{
		line.country = named;
		values[2] = line.part[--line.parts];
	}
	if (!read_place(&line, &values[5], &values[1], &values[0]))
		PG_RETURN_NULL();
	if (values[0].len == 0 && line.parts == 1 && street_goes_on(line.part[0]))
		PG_RETURN_NULL();
	if (is_second_address(&line))
		PG_RETURN_NULL();
	if (line.parts > 1 && is_house_number(line.part[0]))
	{
		line.part[1] = span_between(line.part[0], line.part[1]);
		memmove(line.part, line.part + 1, sizeof(Span) * --line.parts);
	}
	if (line.parts > 0)
		values[3] = line.part[0];
	if (line.parts > 1)
		values[4] = span_between(line.part[1], line.part[line.parts - 1]);
	PG_RETURN_JSONB_P(json_strings(6, keys, values));
}
