/*
 * json_object.c
 *		A record's payload: one object that says nothing about a field without
 *		a value.
 *
 * jsonb_build_object looks up every argument's type in every row, and its
 * nulls would have to be taken out again by a second pass.  A million records
 * are made of this one call, so the object is written down as it is stored
 * (utils/jsonb.h describes the layout); what is jsonb already is copied whole.
 */
#include "mapping.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* A function takes FUNC_MAX_ARGS arguments at most. */
#define MAX_PAIRS (FUNC_MAX_ARGS / 2)

typedef enum ArgumentKind
{
	ARGUMENT_TEXT,
	ARGUMENT_UNKNOWN, /* an untyped literal: a C string */
	ARGUMENT_BOOLEAN,
	ARGUMENT_JSONB,
	ARGUMENT_OTHER /* whatever to_jsonb makes of it */
} ArgumentKind;

typedef struct Argument
{
	ArgumentKind kind;
	FmgrInfo	 to_jsonb;
} Argument;

/* A member before it is written: its name, and its value as it is stored. */
typedef struct Member
{
	Span   key;
	uint32 type; /* JENTRY_IS… */
	Span   value;
} Member;

PG_FUNCTION_INFO_V1(flitmig_object);

/* What each argument is, found out once for a statement. */
static Argument *
arguments_of(FunctionCallInfo fcinfo)
{
	FmgrInfo *flinfo = fcinfo->flinfo;
	Argument *arguments;

	if (flinfo->fn_extra != NULL)
		return flinfo->fn_extra;
	if (get_fn_expr_variadic(flinfo) || fcinfo->nargs % 2 != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the arguments must be names and values in turn"),
				 errhint("flitmig._object('city', s.city, 'name', s.name)")));

	arguments = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(Argument) * Max(fcinfo->nargs, 1));
	for (int i = 0; i < fcinfo->nargs; i++)
	{
		Oid			  type = get_fn_expr_argtype(flinfo, i);
		MemoryContext old;

		switch (type)
		{
			case TEXTOID:
			case VARCHAROID:
				arguments[i].kind = ARGUMENT_TEXT;
				break;
			case UNKNOWNOID:
				arguments[i].kind = ARGUMENT_UNKNOWN;
				break;
			case BOOLOID:
				arguments[i].kind = ARGUMENT_BOOLEAN;
				break;
			case JSONBOID:
				arguments[i].kind = ARGUMENT_JSONB;
				break;
			default:
				/* to_jsonb asks the expression that it stands in for its argument's type */
				arguments[i].kind = ARGUMENT_OTHER;
				old = MemoryContextSwitchTo(flinfo->fn_mcxt);
				fmgr_info_cxt(F_TO_JSONB, &arguments[i].to_jsonb, flinfo->fn_mcxt);
				fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(makeNullConst(type, -1, InvalidOid)),
														 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
								   &arguments[i].to_jsonb);
				(void) MemoryContextSwitchTo(old);
		}
	}
	flinfo->fn_extra = arguments;
	return arguments;
}

static Span
span_of_argument(const Argument *argument, Datum value)
{
	text *string;

	if (argument->kind == ARGUMENT_UNKNOWN)
		return (Span){DatumGetCString(value), (int) strlen(DatumGetCString(value))};
	string = DatumGetTextPP(value);
	return (Span){VARDATA_ANY(string), (int) VARSIZE_ANY_EXHDR(string)};
}

/* False when the value is JSON's null. */
static bool
take_jsonb(Jsonb *json, Member *member)
{
	JEntry *entry = json->root.children;

	if (!JB_ROOT_IS_SCALAR(json))
	{
		member->type = JENTRY_ISCONTAINER;
		member->value = (Span){VARDATA(json), (int) (VARSIZE(json) - VARHDRSZ)};
		return true;
	}
	if (JBE_ISNULL(*entry))
		return false;
	/* A scalar stands alone in an array: its data follow the one entry. */
	member->type = *entry & JENTRY_TYPEMASK;
	member->value = (Span){(char *) (entry + 1), (int) JBE_OFFLENFLD(*entry)};
	return true;
}

/* False when the value is null in one way or the other. */
static bool
take_value(Argument *argument, NullableDatum value, Member *member)
{
	if (value.isnull)
		return false;
	switch (argument->kind)
	{
		case ARGUMENT_TEXT:
		case ARGUMENT_UNKNOWN:
			member->type = JENTRY_ISSTRING;
			member->value = span_of_argument(argument, value.value);
			return true;
		case ARGUMENT_BOOLEAN:
			member->type = DatumGetBool(value.value) ? JENTRY_ISBOOL_TRUE : JENTRY_ISBOOL_FALSE;
			member->value = (Span){"", 0};
			return true;
		case ARGUMENT_JSONB:
			return take_jsonb(DatumGetJsonbP(value.value), member);
		case ARGUMENT_OTHER:
			return take_jsonb(DatumGetJsonbP(FunctionCall1(&argument->to_jsonb, value.value)), member);
	}
	return false;
}

/* jsonb's order of keys: shorter ones first, then bytewise. */
static int
key_order(Span a, Span b)
{
	return a.len != b.len ? a.len - b.len : memcmp(a.data, b.data, a.len);
}

/* Every JB_OFFSET_STRIDE-th entry says where its piece ends, the others how long theirs is. */
static void
write_entry(Jsonb *json, int n, uint32 type, uint32 length, uint32 end)
{
	json->root.children[n] = type | (n % JB_OFFSET_STRIDE == 0 ? JENTRY_HAS_OFF | end : length);
}

/* A jsonb object of these members, which stand in jsonb's order. */
static Jsonb *
write_members(const Member *members, int count)
{
	Size   total = offsetof(Jsonb, root.children) + sizeof(JEntry) * 2 * count;
	Jsonb *json;
	char  *data;
	uint32 used = 0;

	/* each piece may need padding */
	for (int i = 0; i < count; i++)
		total += members[i].key.len + members[i].value.len + ALIGNOF_INT;
	if (total > JENTRY_OFFLENMASK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the fields of a record are larger than %d bytes together", JENTRY_OFFLENMASK)));

	json = palloc(total);
	json->root.header = JB_FOBJECT | count;
	data = (char *) (json->root.children + 2 * count);
	for (int i = 0; i < count; i++)
	{
		memcpy(data + used, members[i].key.data, members[i].key.len);
		used += members[i].key.len;
		write_entry(json, i, JENTRY_ISSTRING, members[i].key.len, used);
	}
	for (int i = 0; i < count; i++)
	{
		const Member *member = &members[i];
		uint32		  start = used;

		/* numbers and containers stand on whole words; the padding counts as theirs */
		if (member->type == JENTRY_ISCONTAINER || member->type == JENTRY_ISNUMERIC)
		{
			used = INTALIGN(used);
			memset(data + start, 0, used - start);
		}
		memcpy(data + used, member->value.data, member->value.len);
		used += member->value.len;
		write_entry(json, count + i, member->type, used - start, used);
	}
	SET_VARSIZE(json, data + used - (char *) json);
	return json;
}

/*
 * _object(name, value, …) → jsonb
 *
 * An object of the values that are not null, neither SQL's nor JSON's; nulls
 * inside a value stay, they are the source's own.  The names must come in
 * jsonb's order, each once: whoever writes the statement has them beforehand.
 */
Datum
flitmig_object(PG_FUNCTION_ARGS)
{
	Argument *arguments = arguments_of(fcinfo);
	Member	  members[MAX_PAIRS];
	int		  count = 0;
	Span	  before = {NULL, 0};

	for (int i = 0; i < fcinfo->nargs; i += 2)
	{
		Span key;

		if (PG_ARGISNULL(i) || arguments[i].kind > ARGUMENT_UNKNOWN)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument %d must be a name", i + 1)));
		key = span_of_argument(&arguments[i], PG_GETARG_DATUM(i));
		if (before.data != NULL && key_order(before, key) >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the names must come in jsonb's order, each once: argument %d", i + 1),
					 errhint("Shorter names first, then bytewise; or use jsonb_build_object.")));
		before = key;
		members[count].key = key;
		if (take_value(&arguments[i + 1], fcinfo->args[i + 1], &members[count]))
			count++;
	}
	PG_RETURN_POINTER(write_members(members, count));
}
