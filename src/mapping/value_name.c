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

#include "mb/pg_wchar.h"

PG_FUNCTION_INFO_V1(flitmig_split_name);
PG_FUNCTION_INFO_V1(flitmig_full_name);
PG_FUNCTION_INFO_V1(flitmig_full_name_cell);

/* Words in a cell that is still a name; beyond it is a remark, kept whole as the last name. */
#define WORDS_MAX 24

/* Longest cell that is taken apart, in bytes. */
#define NAME_MAX_BYTES 400

/* Words before a name, without dots, sorted.  English, German, French, Spanish, Dutch, Italian. */
static const char *const prefixes[] = {
	"capt", "col", "dame", "dhr", "dipl-ing", "dipl-med", "dipl-psych", "dott", "dottssa", "dr",
	"dra", "drmed", "drmeddent", "drs", "fr", "frau", "herr", "hon", "judr", "lady", "lord", "lt",
	"m", "madame", "mademoiselle", "maj", "master", "mddr", "med", "mevr", "mgr", "miss", "mlle",
	"mme", "monsieur", "mr", "mrs", "ms", "mstr", "mudr", "mvdr", "mx", "pastor", "phdr", "prof",
	"profdr", "professor", "rabbi", "rev", "rndr", "senor", "senora", "senorita", "sgt", "sig",
	"signora", "signore", "sigra", "sir", "sister", "sr", "sra", "srta"};

/* Those that are names or words, too: only with a dot. */
static const char *const dotted_prefixes[] = {"arch", "avv", "bc", "dna", "doc", "hr", "ing", "ir", "lek", "mag", "mw"};

/* Those that only follow another one: Dr. rer. nat. */
static const char *const further_prefixes[] = {"dent", "habil", "hc", "iur", "jur", "med", "mult", "nat", "oec", "phil", "pol", "rer", "vet"};

/* What stands before a name that somebody had before, or has besides. */
static const char *const former_names[] = {"a/k/a", "aka", "formerly", "geb", "geboren", "geborene", "nee", "vormals"};

/* Generations, which belong to the last name: they tell a son from his father. */
static const char *const generations[] = {
	"2nd", "3rd", "4th", "ii", "iii", "iv", "jnr", "jr", "jun", "junior", "senior", "snr", "sr"};

/* Degrees and licences that are no surnames, without dots, sorted. */
static const char *const degree_words[] = {
	"aprn", "arnp", "atc", "bcba", "bds", "bsc", "bsn", "ccc-slp", "cfnp", "cnm", "cns", "crna",
	"crnp", "csc", "cscs", "ctrs", "dabr", "dacbr", "daom", "dds", "dmd", "dnp", "dphil", "dpm",
	"dpt", "drsc", "dvm", "edd", "esq", "esquire", "faap", "facog", "facp", "facs", "fnp", "fnp-bc",
	"fnp-c", "fracp", "fracs", "frcp", "frcs", "hons", "lac", "lcpc", "lcsw", "lcsw-r", "licsw",
	"lmft", "lmhc", "lmsw", "lmt", "lpc", "lpn", "lvn", "mbbs", "mbchb", "mch", "md", "mft", "mpas",
	"mph", "mpt", "mrcgp", "mrcp", "mrcs", "msc", "msn", "mspt", "msw", "nd", "np-c", "ocs", "od",
	"otr", "otr/l", "pa-c", "pharmd", "phd", "pmhnp", "psyd", "pta", "rd", "rdn", "rmt", "rn",
	"rph", "rpt", "scd", "scs"};

/* Degrees that are also names or words: taken only in capitals among other letters, or with dots. */
static const char *const doubtful_degrees[] = {
	"ba", "bs", "dc", "do", "ma", "mba", "ms", "np", "ot", "pa", "pt", "v", "vi"};

/* Words that begin a surname of several words. */
static const char *const particles[] = {
	"'t", "abu", "al", "ap", "ben", "bin", "bint", "da", "das", "de", "del", "della", "dem", "den",
	"der", "des", "di", "do", "dos", "du", "el", "ibn", "la", "las", "le", "los", "mac", "mc",
	"saint", "san", "santa", "st", "st.", "ste", "te", "ten", "ter", "van", "vande", "vander",
	"vom", "von", "zu", "zum", "zur"};

/* What stands in parentheses and is no name, folded, sorted by its first word. */
static const char *const remarks[] = {
	"active", "archived", "child", "dec", "dec'd", "decd", "deceased", "died", "do", "dup",
	"duplicate", "former", "formerly", "hons", "inactive", "merged", "minor", "nee", "new", "old",
	"see", "test", "verstorben"};

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
		if ((unsigned char) word.data[i] >= 0x80 || is_ascii_letter(word.data[i]) || word.data[i] == '&') /* stands for a word */
			return true;
	return false;
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
ends_with_dot(Span word)
{
	return word.len > 1 && word.data[word.len - 1] == '.';
}

/* Letters A to Z in a word that has no small ones; initials are none. */
static int
count_capitals(Span word)
{
	int count = 0;

	if (!all_capitals(word) || memchr(word.data, '.', word.len) != NULL)
		return 0;
	for (int i = 0; i < word.len; i++)
		count += word.data[i] >= 'A' && word.data[i] <= 'Z';
	return count;
}

/* One letter, of any alphabet, and a dot. */
static bool
is_initial(Span word)
{
	return ends_with_dot(word) && pg_mblen(word.data) == word.len - 1;
}

/* Han, Kana or Hangul, in which the family's name comes first. */
static bool
is_east_asian(Span word)
{
	const unsigned char *b = (const unsigned char *) word.data;
	unsigned			 code;

	if (word.len < 3 || b[0] < 0xE3 || b[0] > 0xED)
		return false;
	code = (unsigned) (b[0] & 0x0F) << 12 | (unsigned) (b[1] & 0x3F) << 6 | (b[2] & 0x3F);
	return (code >= 0x3040 && code <= 0x30FF) || (code >= 0x3400 && code <= 0x9FFF) || (code >= 0xAC00 && code <= 0xD7A3);
}

static bool
is_small_particle(Span word)
{
	return (word.data[0] >= 'a' || word.data[0] == '\'') && is_particle(word);
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
	if (is_initial(word))
		return NO_SUFFIX; /* V. is no fifth of his name */
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
			!(ends_with_dot(word) && word_among(word, dotted_prefixes, lengthof(dotted_prefixes))) &&
			!(ends_with_dot(word) && count > 0 && word_among(word, further_prefixes, lengthof(further_prefixes))) &&
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

/* How many words at the beginning are shouted where the others are not: DUPONT Pierre, DE LA TOUR Anne; 0: none. */
static int
shouted_words(const Words *words)
{
	int	 count = 0;
	bool long_one = false;

	while (count < words->count && count_capitals(words->word[count]) >= 2)
		long_one |= count_capitals(words->word[count++]) >= 3;
	return long_one && count < words->count && count_capitals(words->word[words->count - 1]) < 2 ? count : 0;
}

/* How many words at the beginning are the surname, where it comes first without a comma; 0: it does not. */
static int
leading_surname(const Words *words, bool loud)
{
	int initials = 0;

	if (words->count == 2 && is_east_asian(words->word[0]))
		return 1;
	while (initials < words->count - 1 && is_initial(words->word[words->count - 1 - initials]))
		initials++;
	if (initials >= 2 && initials == words->count - 1 && words->word[0].len > 2 && !ends_with_dot(words->word[0]))
		return 1; /* Putin V. V. */
	return loud ? 0 : shouted_words(words);
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
	last = leading_surname(words, loud);
	if (last > 0)
	{
		name->last = join_words(words->word, 0, last);
		name->first = join_words(words->word, last, last + 1);
		name->middle = join_words(words->word, last + 1, words->count);
		return;
	}
	last = words->count - 1;
	if (last > 2 && (span_is(words->word[last - 1], "e") || span_is(words->word[last - 1], "y")) &&
		words->word[last - 1].data[0] > 'Z')
		last -= 2; /* "de Souza e Silva", "Ortega y Gasset" */
	else if (last > 2 && span_is(words->word[last - 1], "-"))
		last -= 2; /* "Smith - Jones" */
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

/* A number is nobody's name. */
static bool
has_digit(Span text)
{
	for (int i = 0; i < text.len; i++)
		if (text.data[i] >= '0' && text.data[i] <= '9')
			return true;
	return false;
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
		if (span_trim((Span){buffer, (int) (open - buffer)}).len == 0 &&
			span_trim((Span){close + strlen(marks[i][1]), (int) (buffer + *len - close) - (int) strlen(marks[i][1])}).len == 0)
		{
			/* around the whole name: they are no part of it */
			*len = (int) (close - inner);
			memmove(buffer, inner, *len);
			buffer[*len] = '\0';
			continue;
		}
		if (found.len > 0)
		{
			const char *blank = memchr(found.data, ' ', found.len);
			bool		remark = has_digit(found) || word_among((Span){found.data, blank ? (int) (blank - found.data) : found.len}, remarks, lengthof(remarks));
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

/* Cuts off a name that the person had before, "née Jones"; from: how many words must stand before it. */
static void
take_former_name(NameParts *name, Words *words, int from)
{
	for (int i = from; i + 1 < words->count; i++)
		if (word_among(words->word[i], former_names, lengthof(former_names)))
		{
			add_suffix(name, join_words(words->word, i, words->count), DEGREE);
			words->count = i;
			return;
		}
}

/* Whether every word of the segment is a title that stands behind: "Smith, Mr." */
static bool
only_late_titles(const Words *words)
{
	for (int i = 0; i < words->count; i++)
		if (!word_among(words->word[i], late_titles, lengthof(late_titles)))
			return false;
	return words->count > 0;
}

/* "Beethoven, Ludwig van": particles behind the given names belong to the last one. */
static void
take_late_particles(NameParts *name, Words *last, Words *given)
{
	int count = given->count;

	while (count > 1 && is_small_particle(given->word[count - 1]))
		count--;
	if (count == given->count || last->count + given->count - count > WORDS_MAX)
		return;
	memmove(last->word + (given->count - count), last->word, sizeof(Span) * last->count);
	memcpy(last->word, given->word + count, sizeof(Span) * (given->count - count));
	last->count += given->count - count;
	given->count = count;
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
		take_former_name(name, &words, !head ? 0 : comma ? 1
														 : 2);
		if (head)
		{
			last = words;
			continue;
		}
		if (only_late_titles(&words))
		{
			for (int i = 0; i < words.count && name->prefixes < WORDS_MAX; i++)
				name->prefix[name->prefixes++] = words.word[i];
			continue;
		}
		/* "Smith, V" has an initial, "John Smith, V" a number */
		if (only_suffixes(&words, loud) && words.count > 0 && !(words.count == 1 && words.word[0].len == 1 && last.count == 1))
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
	take_late_particles(name, &last, &given);
	name->last = join_words(last.word, 0, last.count);
	if (couple_end(&given, given.count) > 0)
		name->first = join_words(given.word, 0, given.count);
	else
		take_given_names(name, &given, given.count);
	return true;
}

/* Whether what stands behind " - " is a remark, not the second half of a name: small letters, a number, or capitals where the name has none. */
static bool
is_remark(Span text, bool loud)
{
	Words words;

	if (!split_words(text, &words) || words.count == 0)
		return false;
	return (text.data[0] >= 'a' && text.data[0] <= 'z' && !is_particle(words.word[0])) || has_digit(words.word[0]) || (!loud && count_capitals(words.word[0]) >= 2) ||
		   word_among(words.word[0], remarks, lengthof(remarks));
}

/* Cuts "John Smith - do not call" before the remark, and "DUPLICATE - John Smith" behind it. */
static Span
take_remark(NameParts *name, Span cell)
{
	for (int i = 1; i + 3 < cell.len; i++)
	{
		Span  before = {cell.data, i};
		Span  after = {cell.data + i + 3, cell.len - i - 3};
		Words words;
		Words behind;

		if (memcmp(cell.data + i, " - ", 3) != 0)
			continue;
		before = span_trim(before);
		after = span_trim(after);
		if (!split_words(before, &words) || !split_words(after, &behind) || words.count == 0 || behind.count == 0)
			return cell;
		if (words.count >= 2 && is_remark(after, all_capitals(before)))
		{
			add_suffix(name, after, DEGREE);
			return before;
		}
		if (words.count == 1 && behind.count >= 2 && count_capitals(before) >= 3 && !all_capitals(after))
		{
			add_suffix(name, before, DEGREE);
			return after;
		}
		return cell;
	}
	return cell;
}

/* Takes a cell apart; false when there is no name in it. */
static bool
read_name(Span span, NameParts *name)
{
	char  buffer[NAME_MAX_BYTES + 1];
	char *copy;
	Span  whole;
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
		whole = take_remark(name, (Span){copy, len});
		if (read_segments(name, whole, all_capitals(whole)))
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
