/*
 * options.c
 *		Options of CREATE SERVER and CREATE USER MAPPING for flitmig_twenty.
 *
 * The address of a server is public and lives on the SERVER; the key is
 * secret and lives on the USER MAPPING, whose options only its owner and
 * superusers can see.  No message of this file ever holds a value.
 */
#include "flitmig.h"

#include <ctype.h>
#include <curl/curl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "access/reloptions.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "twenty/twenty.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#define TWENTY_WRAPPER "flitmig_twenty"

/* An API key of Twenty is a JWT of some 300 bytes. */
#define KEY_MAX_BYTES 16384

typedef struct TwentyOption
{
	const char *keyword;
	Oid			catalog; /* catalog in which the option may appear */
	void (*check)(DefElem *def);
} TwentyOption;

static void check_url(DefElem *def);
static void check_boolean(DefElem *def);
static void check_absolute_path(DefElem *def);
static void check_call_share(DefElem *def);
static void check_key(DefElem *def);
static void check_key_file(DefElem *def);

static const TwentyOption twenty_options[] = {
	{"url", ForeignServerRelationId, check_url},
	{"allow_http", ForeignServerRelationId, check_boolean},
	{"ca_file", ForeignServerRelationId, check_absolute_path},
	{"call_share", ForeignServerRelationId, check_call_share},
	{"api_key", UserMappingRelationId, check_key},
	{"api_key_file", UserMappingRelationId, check_key_file},
	{NULL, InvalidOid, NULL}};

PG_FUNCTION_INFO_V1(flitmig_twenty_validator);

/* Value of a string option in a list of options, or NULL. */
static char *
find_option(List *options, const char *keyword)
{
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *def = (DefElem *) lfirst(cell);

		if (strcmp(def->defname, keyword) == 0)
			return defGetString(def);
	}
	return NULL;
}

static bool
find_boolean_option(List *options, const char *keyword)
{
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *def = (DefElem *) lfirst(cell);

		if (strcmp(def->defname, keyword) == 0)
			return defGetBoolean(def);
	}
	return false;
}

/* Part of a parsed URL as a palloc'd string, or NULL when it has none. */
static char *
url_part(CURLU *url, CURLUPart part)
{
	char *value = NULL;
	char *result = NULL;

	if (curl_url_get(url, part, &value, 0) == CURLUE_OK && value != NULL)
	{
		result = MemoryContextAllocExtended(CurrentMemoryContext, strlen(value) + 1, MCXT_ALLOC_NO_OOM);
		if (result != NULL)
			strcpy(result, value);
	}
	curl_free(value);
	return result;
}

/* Is it this machine, so that plain http never meets a network? */
static bool
is_loopback(const char *host)
{
	return pg_strcasecmp(host, "localhost") == 0 ||
		   strcmp(host, "[::1]") == 0 ||
		   (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

typedef struct UrlParts
{
	bool  valid; /* an absolute URL that curl understands */
	char *scheme;
	char *user;
	char *password;
	char *host;
	char *query;
	char *fragment;
} UrlParts;

/* Takes a URL apart by curl's own rules, so that we judge what curl will use. */
static UrlParts
parse_url(const char *text)
{
	UrlParts parts = {0};
	CURLU	*url = curl_url();

	if (url == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK)
	{
		parts.scheme = url_part(url, CURLUPART_SCHEME);
		parts.user = url_part(url, CURLUPART_USER);
		parts.password = url_part(url, CURLUPART_PASSWORD);
		parts.host = url_part(url, CURLUPART_HOST);
		parts.query = url_part(url, CURLUPART_QUERY);
		parts.fragment = url_part(url, CURLUPART_FRAGMENT);
		parts.valid = parts.scheme != NULL && parts.host != NULL && parts.host[0] != '\0' &&
					  strpbrk(text, " \t\r\n\\") == NULL;
	}
	curl_url_cleanup(url);
	return parts;
}

static bool
is_web_scheme(const char *scheme)
{
	return strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
}

/* An error unless it is http or https to a host, without what a URL could smuggle. */
static void
check_url(DefElem *def)
{
	const char *text = defGetString(def);
	UrlParts	parts = parse_url(text);

	/* A password must not be repeated in a message, so no URL ever is. */
	if (!parts.valid || !is_web_scheme(parts.scheme))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"url\" is not an absolute http or https URL"),
				 errhint("Write it like https://crm.example.com.")));
	if (parts.user != NULL || parts.password != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"url\" must not hold a user name or password"),
				 errhint("The API key belongs to the user mapping: CREATE USER MAPPING ... OPTIONS (api_key_file '...').")));
	if (parts.query != NULL || parts.fragment != NULL || strpbrk(text, "?#") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"url\" must not hold a query or fragment"),
				 errhint("Write it like https://crm.example.com.")));
}

static void
check_boolean(DefElem *def)
{
	(void) defGetBoolean(def);
}

static void
check_absolute_path(DefElem *def)
{
	if (!is_absolute_path(defGetString(def)))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"%s\" is not an absolute path", def->defname),
				 errhint("The file is read by the database server: write its whole path there.")));
}

/* A key goes into an HTTP header: anything but visible ASCII could forge more headers. */
static bool
is_key(const char *key, size_t length)
{
	if (length == 0 || length > KEY_MAX_BYTES)
		return false;
	for (size_t i = 0; i < length; i++)
		if (key[i] <= ' ' || key[i] >= 0x7f)
			return false;
	return true;
}

/* "80" -> 80; 0 for anything that is no whole percentage from 1 to 100. */
static int
parse_share(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	int	   share = digits > 0 && digits <= 3 && text[digits] == '\0' ? atoi(text) : 0;

	return share <= 100 ? share : 0;
}

static void
check_call_share(DefElem *def)
{
	if (parse_share(defGetString(def)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"call_share\" is not a percentage"),
				 errhint("A whole number from 1 to 100: the part of Twenty's call limit that migrations may use, such as '80'. The rest is left to others.")));
}

static void
check_key(DefElem *def)
{
	const char *key = defGetString(def);

	if (!is_key(key, strlen(key)))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"api_key\" is not an API key"),
				 errhint("Copy the key from Twenty, Settings, APIs & Webhooks; it has no spaces or line breaks.")));
}

/*
 * The server's own rights read the file, so naming one takes the right to
 * read any: else a mapping would send /etc/shadow to a server of one's choice.
 */
static void
require_read_server_files(Oid role)
{
	if (!has_privs_of_role(role, ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for option \"api_key_file\""),
				 errdetail("Role \"%s\" may not read files on the database server.",
						   GetUserNameFromId(role, false)),
				 errhint("GRANT pg_read_server_files TO %s; or use option \"api_key\".",
						 quote_identifier(GetUserNameFromId(role, false)))));
}

static void
check_key_file(DefElem *def)
{
	check_absolute_path(def);
	require_read_server_files(GetUserId());
}

/* What the options must be together, after each was found good by itself. */
static void
check_server_options(List *options)
{
	const char *url = find_option(options, "url");
	UrlParts	parts;

	if (url == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"url\" is required"),
				 errhint("CREATE SERVER ... FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com').")));
	parts = parse_url(url);
	if (parts.valid && strcmp(parts.scheme, "http") == 0 && !is_loopback(parts.host) &&
		!find_boolean_option(options, "allow_http"))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"url\" would send patient data unencrypted"),
				 errhint("Use https, or allow plain http on a network that you trust: OPTIONS (allow_http 'true').")));
}

static void
check_mapping_options(List *options)
{
	bool has_key = find_option(options, "api_key") != NULL;
	bool has_file = find_option(options, "api_key_file") != NULL;

	if (has_key == has_file)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 has_key ? errmsg("options \"api_key\" and \"api_key_file\" exclude each other")
						 : errmsg("a user mapping needs the option \"api_key\" or \"api_key_file\""),
				 errhint("Valid are OPTIONS (api_key_file '/etc/flitmig/key') and OPTIONS (api_key '...').")));
}

static const TwentyOption *
lookup_option(const char *keyword, Oid catalog)
{
	for (const TwentyOption *option = twenty_options; option->keyword; option++)
		if (option->catalog == catalog && strcmp(option->keyword, keyword) == 0)
			return option;
	return NULL;
}

/* Names the options that there are, where one is none. */
static void
complain_about_option(const char *keyword, Oid catalog)
{
	StringInfoData valid;

	initStringInfo(&valid);
	for (const TwentyOption *option = twenty_options; option->keyword; option++)
		if (option->catalog == catalog)
			appendStringInfo(&valid, "%s%s", valid.len > 0 ? ", " : "", option->keyword);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", keyword),
			 valid.len > 0
				 ? errhint("Valid options in this context are: %s.", valid.data)
				 : errhint("There are no valid options in this context.")));
}

/*
 * Validates the options of a FOREIGN DATA WRAPPER, SERVER, USER MAPPING or
 * FOREIGN TABLE that uses flitmig_twenty.  Called by CREATE and ALTER with
 * the whole list as it will be stored.
 */
Datum
flitmig_twenty_validator(PG_FUNCTION_ARGS)
{
	List	 *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid		  catalog = PG_GETARG_OID(1);
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem			   *def = (DefElem *) lfirst(cell);
		const TwentyOption *option = lookup_option(def->defname, catalog);

		if (option == NULL)
			complain_about_option(def->defname, catalog);
		else
			option->check(def);
	}
	if (catalog == ForeignServerRelationId)
		check_server_options(options);
	else if (catalog == UserMappingRelationId)
		check_mapping_options(options);

	PG_RETURN_VOID();
}

/*
 * Reads an API key from a file: trimmed, on behalf of a role that must be
 * allowed to read server files.  Result palloc'd.
 */
static char *
read_key_file(const char *path, Oid userid)
{
	char		buffer[KEY_MAX_BYTES + 2];
	char	   *start = buffer;
	struct stat status;
	ssize_t		length;
	int			fd;

	require_read_server_files(userid);

	/* Never wait for a pipe that someone put there. */
	fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open API key file \"%s\": %m", path),
				 errhint("It lies on the database server and is read by the operating system user that runs PostgreSQL. Another one: ALTER USER MAPPING FOR CURRENT_USER SERVER ... OPTIONS (SET api_key_file '/path/to/key');")));
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("API key file \"%s\" is not a regular file", path)));
	length = read(fd, buffer, sizeof(buffer) - 1);
	if (length < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read API key file \"%s\": %m", path)));
	CloseTransientFile(fd);

	while (length > 0 && isspace((unsigned char) start[length - 1]))
		length--;
	while (length > 0 && isspace((unsigned char) *start))
		start++, length--;
	if (!is_key(start, length))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("API key file \"%s\" does not hold an API key", path),
				 errhint("It must hold the key from Twenty, Settings, APIs & Webhooks, on one line and nothing else.")));
	return pnstrdup(start, length);
}

/* The server of that name, if it is one of ours and the role may use it. */
static ForeignServer *
find_server(const char *name, Oid userid)
{
	ForeignServer *server = GetForeignServerByName(name, true);
	AclResult	   allowed;

	if (server == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("server \"%s\" does not exist", name),
				 errhint("CREATE SERVER %s FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://...');",
						 quote_identifier(name))));
	if (strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, TWENTY_WRAPPER) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" is not a Twenty server", name),
				 errhint("A Twenty server is made by CREATE SERVER ... FOREIGN DATA WRAPPER flitmig_twenty.")));
	allowed = server_aclcheck(server->serverid, userid, ACL_USAGE);
	if (allowed != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for foreign server %s", name),
				 errhint("GRANT USAGE ON FOREIGN SERVER %s TO %s;", quote_identifier(name),
						 quote_identifier(GetUserNameFromId(userid, false)))));
	return server;
}

TwentyServer *
twenty_server_load(const char *name, Oid userid)
{
	ForeignServer *server = find_server(name, userid);
	TwentyServer  *result;
	List		  *options;
	char		  *key;
	char		  *url;

	if (!SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(userid),
							   ObjectIdGetDatum(server->serverid)) &&
		!SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
							   ObjectIdGetDatum(server->serverid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("user mapping not found for role \"%s\" on server \"%s\"",
						GetUserNameFromId(userid, false), name),
				 errhint("CREATE USER MAPPING FOR %s SERVER %s OPTIONS (api_key_file '/etc/flitmig/key');",
						 userid == GetUserId() ? "CURRENT_USER"
											   : quote_identifier(GetUserNameFromId(userid, false)),
						 quote_identifier(name))));
	options = GetUserMapping(userid, server->serverid)->options;

	/* Again: a superuser may have altered the wrapper to have no validator. */
	check_server_options(server->options);
	check_mapping_options(options);
	key = find_option(options, "api_key");
	if (key == NULL)
		key = read_key_file(find_option(options, "api_key_file"), userid);
	if (!is_key(key, strlen(key)))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"api_key\" of the user mapping for server \"%s\" is not an API key", name)));

	url = pstrdup(find_option(server->options, "url"));
	for (size_t length = strlen(url); length > 0 && url[length - 1] == '/'; length--)
		url[length - 1] = '\0';

	result = palloc0(sizeof(TwentyServer));
	result->name = pstrdup(name);
	result->url = url;
	result->key = pstrdup(key);
	result->allow_http = find_boolean_option(server->options, "allow_http");
	result->ca_file = find_option(server->options, "ca_file");
	result->call_share = find_option(server->options, "call_share") ? parse_share(find_option(server->options, "call_share")) : 100;
	return result;
}
