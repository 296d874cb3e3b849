/*
 * value_name.c
 *		Names of persons, from one cell or from two.
 *
 *	  "Johnson Jr., Dr. Sarah (Sally) Ann, MD"
 *		 │			   │		  └ preferred	└ suffix
 *		 └ before the comma: last name		   everything else: prefix, first, middle
 *
 * No name is changed in case or spelling, and no word is dropped by
 * split_name: what fits nowhere else is a middle name.
 */
#include "mapping.h"

PG_FUNCTION_INFO_V1(flitmig_split_name);
PG_FUNCTION_INFO_V1(flitmig_full_name);
PG_FUNCTION_INFO_V1(flitmig_full_name_cell);

/* Words in a cell that is still a name; beyond it is a remark, kept whole as the last name. */
#define WORDS_MAX 24

/* Longest cell that is taken apart, in bytes. */
#define NAME_MAX_BYTES 400

/* Words before a name, without dots, sorted.  English, German, French, Spanish, Dutch, Italian. */
static const char *const prefixes[] = {
	"capt", "col", "dame", "dhr", "dott", "dottssa", "dr", "dra", "drs", "fr", "frau", "herr",
	"hon", "lady", "lord", "lt", "m", "maj", "master", "med", "mevr", "miss", "mlle", "mme", "mr", "mrs",
	"ms", "mstr", "mx", "pastor", "prof", "professor", "rabbi", "rev", "sgt", "sig", "sigra", "sir",
	"sister", "sr", "sra", "srta"};

/* Generations, which belong to the last name: they tell a son from his father. */
static const char *const generations[] = {
	"2nd", "3rd", "4th", "ii", "iii", "iv", "jnr", "jr", "jun", "junior", "senior", "snr", "sr"};

/* Degrees and licences that are no surnames, without dots, sorted. */
static const char *const degree_words[] = {
	"aprn", "arnp", "bcba", "bds", "bsn", "ccc-slp", "cfnp", "cnm", "cns", "crna", "ctrs", "dabr",
	"dacbr", "daom", "dds", "dmd", "dnp", "dpm", "dpt", "dvm", "edd", "esq", "facp", "facs", "fnp",
	"fnp-bc", "fnp-c", "frcs", "lac", "lcpc", "lcsw", "licsw", "lmft", "lmhc", "lmsw", "lmt", "lpc",
	"lpn", "lvn", "mbbs", "mbchb", "mch", "md", "mft", "mpas", "mph", "mpt", "mrcp", "msn", "mspt",
	"msw", "nd", "np-c", "od", "otr", "otr/l", "pa-c", "pharmd", "phd", "pmhnp", "psyd", "pta",
	"rd", "rdn", "rmt", "rn", "rph", "rpt"};

/* Degrees that are also names or words: taken only in capitals among other letters, or with dots. */
static const char *const doubtful_degrees[] = {
	"ba", "bs", "dc", "do", "ma", "mba", "ms", "np", "ot", "pa", "pt", "v", "vi"};

/* Words that begin a surname of several words. */
static const char *const particles[] = {
	"abu", "al", "ap", "ben", "bin", "bint", "da", "das", "de", "del", "della", "dem", "den", "der",
	"des", "di", "do", "dos", "du", "el", "ibn", "la", "las", "le", "los", "mac", "mc", "saint",
	"san", "santa", "st", "st.", "ste", "te", "ten", "ter", "van", "vande", "vander", "vom", "von",
	"zu", "zum", "zur"};

/* What stands in parentheses and is no name, folded, sorted by its first word. */
static const char *const remarks[] = {
	"active", "archived", "child", "dec", "dec'd", "decd", "deceased", "died", "do", "dup", "duplicate", "former", "formerly",
	"inactive", "merged", "minor", "nee", "new", "old", "see", "test", "verstorben"};

/* Titles that some exports put behind the name. */
static const char *const late_titles[] = {"dr", "miss", "mr", "mrs", "ms", "prof"};

/* What programs write for no name. */
static const char *const no_names[] = {"n/a", "nan", "nan nan", "none", "none none", "null", "null null"};

typedef struct NameParts
{
	Span prefix[WORDS_MAX];
	Span suffix[WORDS_MAX];
	Span generation[WORDS_MAX];
	int	 prefixes;
	int	 suffixes;
	int	 generations;
	Span first;
	Span middle;
	Span last;
	Span preferred;
} NameParts;

typedef struct Words
{
	Span word[WORDS_MAX];
	int	 count;
} Words;

/* A word in lower case without dots and a closing comma. */
static bool
bare_word(Span word, char *buffer, int size)
{
	char *to = buffer;

	if (!span_fold(word, buffer, size))
		return false;
	for (const char *from = buffer; *from; from++)
		if (*from != '.' && *from != ',')
			*to++ = *from;
	*to = '\0';
	return to > buffer;
}

static bool
word_among(Span word, const char *const *words, int count)
{
	char bare[16];

	return word.len < 16 && bare_word(word, bare, sizeof(bare)) && word_in(bare, words, count);
}

static bool
all_capitals(Span span)
{
	for (int i = 0; i < span.len; i++)
		if (span.data[i] >= 'a' && span.data[i] <= 'z')
			return false;
	return true;
}

static bool
has_letter(Span word)
{
	for (int i = 0; i < word.len; i++)
		if ((unsigned char) word.data[i] >= 0x80 || is_ascii_letter(word.data[i]))
			return true;
	return memchr(word.data, '&', word.len) != NULL; /* stands for a word */
}

static bool
is_joiner(Span word)
{
	return span_is(word, "&") || span_is(word, "and") || span_is(word, "und") || span_is(word, "et");
}

/* An accent makes another word of it: V\xC4\x83n is no "van". */
static bool
is_particle(Span word)
{
	for (int i = 0; i < word.len; i++)
		if ((unsigned char) word.data[i] >= 0x80)
			return false;
	return word_among(word, particles, lengthof(particles));
}

static bool
has_dot_inside(Span word)
{
	const char *dot = memchr(word.data, '.', word.len);

	return dot != NULL && dot < word.data + word.len - 1;
}

typedef enum SuffixKind
{
	NO_SUFFIX,
	GENERATION,
	DEGREE
} SuffixKind;

/* Is the word a suffix?  loud: the whole name is in capitals, so capitals say nothing. */
static SuffixKind
suffix_kind(Span word, bool loud, bool after_comma)
{
	if (word_among(word, generations, lengthof(generations)))
		return GENERATION;
	if (word_among(word, degree_words, lengthof(degree_words)) || !has_letter(word))
		return DEGREE; /* a licence's number stands behind it */
	if (word_among(word, doubtful_degrees, lengthof(doubtful_degrees)) &&
		(has_dot_inside(word) || (all_capitals(word) && (!loud || after_comma))))
		return DEGREE;
	return NO_SUFFIX;
}

/* Splits at white space; false when there are too many words. */
static bool
split_words(Span span, Words *words)
{
	const char *s = span.data;
	const char *end = s + span.len;

	words->count = 0;
	while (s < end)
	{
		const char *start;
		int			width;

		while (s < end && (width = space_width(s, end)) > 0)
			s += width;
		start = s;
		while (s < end && space_width(s, end) == 0)
			s++;
		if (s == start)
			break;
		if (words->count == WORDS_MAX)
			return false;
		words->word[words->count++] = (Span){start, (int) (s - start)};
	}
	return true;
}

/* Joins words from..to-1 with single spaces into fresh memory; no words: an empty span. */
static Span
join_words(const Span *words, int from, int to)
{
	char *buffer;
	char *out;
	int	  size = 0;

	if (from >= to)
		return (Span){NULL, 0};
	if (to - from == 1)
		return words[from];
	for (int i = from; i < to; i++)
		size += words[i].len + 1;
	out = buffer = palloc(size);
	for (int i = from; i < to; i++)
	{
		if (i > from)
			*out++ = ' ';
		memcpy(out, words[i].data, words[i].len);
		out += words[i].len;
	}
	return (Span){buffer, (int) (out - buffer)};
}

static void
add_suffix(NameParts *name, Span word, SuffixKind kind)
{
	while (word.len > 1 && word.data[word.len - 1] == ',')
		word.len--;
	if (kind == GENERATION && name->generations < WORDS_MAX)
		name->generation[name->generations++] = word;
	if (name->suffixes < WORDS_MAX)
		name->suffix[name->suffixes++] = word;
}

/* Takes suffixes from the end, leaving at least one word; they keep their written order. */
static void
take_suffixes(NameParts *name, Words *words, bool loud)
{
	int end = words->count;

	/* with one word left before it, a doubtful one is the surname ("Jane DO") */
	while (end > 1 && suffix_kind(words->word[end - 1], loud || end == 2, false) != NO_SUFFIX)
		end--;
	for (int i = end; i < words->count; i++)
		add_suffix(name, words->word[i], suffix_kind(words->word[i], false, true));
	words->count = end;
}

/* Takes titles from the beginning, leaving at least one word. */
static void
take_prefixes(NameParts *name, Words *words)
{
	int count = 0;

	while (count < words->count - 1)
	{
		Span word = words->word[count];

		/* "Mr. & Mrs. Smith" */
		if (!word_among(word, prefixes, lengthof(prefixes)) &&
			!(count > 0 && count + 2 < words->count && is_joiner(word) &&
			  word_among(words->word[count + 1], prefixes, lengthof(prefixes))))
			break;

		/* "M" alone is an initial, "M." may be Monsieur: take neither, unless written so before a name */
		if ((word.data[0] == 'M' || word.data[0] == 'm') && (word.len == 1 || (word.len == 2 && word.data[1] == '.' && words->count > 2)))
			break;
		if (name->prefixes < WORDS_MAX)
			name->prefix[name->prefixes++] = word;
		count++;
	}
	words->count -= count;
	memmove(words->word, words->word + count, sizeof(Span) * words->count);
}

/* First word, then middle names. */
static void
take_given_names(NameParts *name, const Words *words, int count)
{
	name->first = join_words(words->word, 0, Min(count, 1));
	name->middle = join_words(words->word, 1, count);
}

/*
 * The word that a couple's given names end with ("John & Mary Smith"), so that
 * both stay together; 0 when there is none.
 */
static int
couple_end(const Words *words, int count)
{
	for (int i = 1; i + 1 < count; i++)
		if (is_joiner(words->word[i]))
			return i + 2;
	return 0;
}

/* Natural order: given names, then a surname with the particles before it. */
static void
read_natural(NameParts *name, Words *words, bool loud)
{
	int last;
	int couple;

	take_prefixes(name, words);
	take_suffixes(name, words, loud);
	while (words->count > 2 && name->prefixes < WORDS_MAX && word_among(words->word[words->count - 1], late_titles, lengthof(late_titles)))
		name->prefix[name->prefixes++] = words->word[--words->count];
	if (words->count == 1)
	{
		/* "Dr. Johnson" is called by the surname, "Madonna" by the only name */
		if (name->prefixes > 0)
			name->last = words->word[0];
		else
			name->first = words->word[0];
		return;
	}
	last = words->count - 1;
	if (last > 2 && (span_is(words->word[last - 1], "e") || span_is(words->word[last - 1], "y")) &&
		words->word[last - 1].data[0] > 'Z')
		last -= 2; /* "de Souza e Silva", "Ortega y Gasset" */
	while (last > 1 && is_particle(words->word[last - 1]))
		last--;
	name->last = join_words(words->word, last, words->count);
	couple = couple_end(words, last);
	if (couple > 0)
	{
		name->first = join_words(words->word, 0, couple);
		name->middle = join_words(words->word, couple, last);
	}
	else
		take_given_names(name, words, last);
}

/* Cuts "(Sally)", "\"Sally\"" or the like out of the buffer and keeps it as the preferred name. */
static void
take_preferred(NameParts *name, char *buffer, int *len)
{
	static const char *const marks[][2] = {
		{"(", ")"}, {"\"", "\""}, {"\xE2\x80\x9C", "\xE2\x80\x9D"}, {"[", "]"}, {" '", "'"}};

	for (int i = 0; i < lengthof(marks); i++)
	{
		char *open = strstr(buffer, marks[i][0]);
		char *close;
		char *inner;
		Span  found;

		if (open == NULL)
			continue;
		inner = open + strlen(marks[i][0]);
		close = strstr(inner, marks[i][1]);
		/* an apostrophe closes a name only at the end of a word: 'O'Brien is none */
		if (close == NULL || (marks[i][1][0] == '\'' && close[1] != ' ' && close[1] != '\0' && close[1] != ','))
			continue;
		found = span_trim((Span){inner, (int) (close - inner)});
		if (found.len > 0)
		{
			const char *blank = memchr(found.data, ' ', found.len);
			bool		remark = word_among((Span){found.data, blank ? (int) (blank - found.data) : found.len}, remarks, lengthof(remarks));
			char	   *copy = palloc(found.len);

			memcpy(copy, found.data, found.len);
			if (remark)
				add_suffix(name, (Span){copy, found.len}, DEGREE);
			else if (name->preferred.data == NULL)
				name->preferred = (Span){copy, found.len};
		}
		close += strlen(marks[i][1]);
		*open = ' ';
		memmove(open + 1, close, buffer + *len - close + 1);
		*len -= (int) (close - open - 1);
	}
}

/* Is every word of the segment a suffix? */
static bool
only_suffixes(const Words *words, bool loud)
{
	for (int i = 0; i < words->count; i++)
		if (suffix_kind(words->word[i], loud, true) == NO_SUFFIX)
			return false;
	return true;
}

/* Segments between commas: the last name first, or one name with suffixes behind it. */
static bool
read_segments(NameParts *name, Span span, bool loud)
{
	Words		last;
	Words		given;
	bool		inverted = false;
	const char *s = span.data;
	const char *end = s + span.len;

	last.count = given.count = 0;
	for (bool head = true; s <= end; head = false)
	{
		const char *comma = s < end ? memchr(s, ',', end - s) : NULL;
		const char *stop = comma ? comma : end;
		Words		words;

		if (!split_words((Span){s, (int) (stop - s)}, &words))
			return false;
		s = stop + 1;
		if (head)
		{
			last = words;
			continue;
		}
		if (only_suffixes(&words, loud) && words.count > 0)
		{
			for (int i = 0; i < words.count; i++)
				add_suffix(name, words.word[i], suffix_kind(words.word[i], loud, true));
			continue;
		}
		if (given.count + words.count > WORDS_MAX)
			return false;
		memcpy(given.word + given.count, words.word, sizeof(Span) * words.count);
		given.count += words.count;
		inverted |= words.count > 0;
	}
	if (!inverted)
	{
		if (last.count == 0)
			return false;
		read_natural(name, &last, loud);
		/* "Smith," is a last name whose first name is missing */
		if (name->last.len == 0 && span.data[span.len - 1] == ',')
		{
			name->last = name->first;
			name->first = (Span){NULL, 0};
		}
		return true;
	}
	take_prefixes(name, &given);
	take_suffixes(name, &given, loud);
	if (last.count > 0)
		take_suffixes(name, &last, loud);
	name->last = join_words(last.word, 0, last.count);
	if (couple_end(&given, given.count) > 0)
		name->first = join_words(given.word, 0, given.count);
	else
		take_given_names(name, &given, given.count);
	return true;
}

/* Takes a cell apart; false when there is no name in it. */
static bool
read_name(Span span, NameParts *name)
{
	char  buffer[NAME_MAX_BYTES + 1];
	char *copy;
	int	  len = span.len;
	bool  letters = false;

	name->prefixes = name->suffixes = name->generations = 0;
	name->first = name->middle = name->last = name->preferred = (Span){NULL, 0};
	for (int i = 0; i < span.len && !letters; i++)
		letters = (unsigned char) span.data[i] >= 0x80 || is_ascii_alnum(span.data[i]);
	if (!letters || (span_fold(span, buffer, 16) && word_in(buffer, no_names, lengthof(no_names))))
		return false;
	if (span.len <= NAME_MAX_BYTES)
	{
		memcpy(buffer, span.data, span.len);
		buffer[len] = '\0';
		take_preferred(name, buffer, &len);
		copy = palloc(len + 1);
		memcpy(copy, buffer, len + 1);
		if (read_segments(name, (Span){copy, len}, all_capitals((Span){copy, len})))
			return true;
		if (name->preferred.data)
		{
			name->first = name->preferred;
			return true;
		}
	}
	name->prefixes = name->suffixes = name->generations = 0;
	name->preferred = (Span){NULL, 0};
	name->last = span;
	return true;
}

/*
 * split_name(text) → jsonb {"prefix","firstName","middleName","lastName","suffix","preferred"}
 *
 * Only the parts that are there.  "Last, First Middle" and "First Middle
 * Last" with titles, degrees, generations, particles (van der, de la) and a
 * name in brackets or quotes; several words of a part are joined by a space.
 * A single word is the first name, after a title the last.  NULL when the
 * cell holds neither letter nor digit.
 */
Datum
flitmig_split_name(PG_FUNCTION_ARGS)
{
	/* jsonb's order of keys: by length, then bytewise */
	static const char *const keys[] = {"prefix", "suffix", "lastName", "firstName", "preferred", "middleName"};
	NameParts				 name;
	Span					 values[6];

	if (!read_name(span_arg(fcinfo, 0), &name))
		PG_RETURN_NULL();
	values[0] = join_words(name.prefix, 0, name.prefixes);
	values[1] = join_words(name.suffix, 0, name.suffixes);
	values[2] = name.last;
	values[3] = name.first;
	values[4] = name.preferred;
	values[5] = name.middle;
	PG_RETURN_JSONB_P(json_strings(6, keys, values));
}

/* {"lastName", "firstName"}; a missing part is ''. */
static Jsonb *
full_name_object(Span first, Span last)
{
	static const char *const keys[] = {"lastName", "firstName"};
	Span					 values[2] = {last, first};

	for (int i = 0; i < 2; i++)
		if (values[i].data == NULL)
			values[i] = (Span){"", 0};
	return json_strings(2, keys, values);
}

/* The argument trimmed, with runs of white space folded. */
static Span
name_arg(FunctionCallInfo fcinfo, int arg)
{
	Words words;
	Span  span;

	if (PG_ARGISNULL(arg))
		return (Span){NULL, 0};
	span = span_arg(fcinfo, arg);
	return split_words(span, &words) ? join_words(words.word, 0, words.count) : span;
}

/*
 * full_name(first text, last text) → jsonb {"firstName", "lastName"}
 *
 * Trimmed; a missing part is '', as Twenty stores it.  NULL when both are blank.
 */
Datum
flitmig_full_name(PG_FUNCTION_ARGS)
{
	Span first = name_arg(fcinfo, 0);
	Span last = name_arg(fcinfo, 1);

	if (first.len == 0 && last.len == 0)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(full_name_object(first, last));
}

/*
 * full_name(one_cell text) → jsonb {"firstName", "lastName"}
 *
 * From split_name.  Twenty has two parts only: middle names stay with the
 * first name and a generation (Jr., III) with the last, because they tell
 * relatives apart; titles, degrees and the preferred name are left out.
 */
Datum
flitmig_full_name_cell(PG_FUNCTION_ARGS)
{
	NameParts name;
	Span	  given[2];
	Span	  family[WORDS_MAX + 1];
	int		  count = 0;
	int		  families = 0;

	if (!read_name(span_arg(fcinfo, 0), &name))
		PG_RETURN_NULL();
	if (name.first.len > 0)
		given[count++] = name.first;
	if (name.middle.len > 0)
		given[count++] = name.middle;
	if (name.last.len > 0)
		family[families++] = name.last;
	for (int i = 0; i < name.generations; i++)
		family[families++] = name.generation[i];
	PG_RETURN_JSONB_P(full_name_object(join_words(given, 0, count), join_words(family, 0, families)));
}
