/*
 * finding.c
 *		Findings of an import: counted per file while it is read, stored once.
 */
#include "source/source.h"

#define COLUMNS_LIMIT 20 /* columns of a file with a finding of one code each; the others share one */

static bool
is_of_column(const Finding *finding, const char *column)
{
	return column ? finding->column && strcmp(finding->column, column) == 0 : finding->column == NULL;
}

Finding *
finding_add_column(List **findings, const char *severity, const char *code, int64 line, const char *column,
				   const char *message, const char *hint)
{
	Finding	 *finding = NULL;
	int		  columns = 0;
	ListCell *cell;

	foreach (cell, *findings)
	{
		Finding *known = lfirst(cell);

		if (strcmp(known->code, code) != 0)
			continue;
		if (is_of_column(known, column))
			finding = known;
		columns += known->column != NULL;
	}
	if (finding == NULL && column && columns >= COLUMNS_LIMIT)
		return finding_add(findings, severity, code, line, message, hint);
	if (finding == NULL)
	{
		finding = palloc0(sizeof(Finding));
		finding->severity = severity;
		finding->code = code;
		finding->column = column;
		finding->message = message;
		finding->hint = hint;
		*findings = lappend(*findings, finding);
	}
	finding->count++;
	if (line > 0 && finding->places < FINDING_PLACES &&
		(finding->places == 0 || finding->lines[finding->places - 1] != line))
		finding->lines[finding->places++] = line;
	return finding;
}

Finding *
finding_add(List **findings, const char *severity, const char *code, int64 line, const char *message, const char *hint)
{
	return finding_add_column(findings, severity, code, line, NULL, message, hint);
}

void
findings_store(int migration, const char *object, List *findings)
{
	ListCell *cell;

	foreach (cell, findings)
	{
		Finding		*finding = lfirst(cell);
		char		*places[FINDING_PLACES];
		SqlArguments args = {0};

		for (int i = 0; i < finding->places; i++)
			places[i] = psprintf("%s:" INT64_FORMAT, object, finding->lines[i]);
		sql_int(&args, migration);
		sql_text(&args, finding->severity);
		sql_text(&args, finding->code);
		sql_text(&args, object);
		sql_text(&args, finding->column);
		sql_bigint(&args, finding->count);
		sql_texts(&args, places, finding->places);
		sql_text(&args, finding->message);
		sql_text(&args, finding->hint);
		sql_run("INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, places, message, hint) "
				"VALUES ($1, 'import', $2, $3, $4, $5, $6, $7, $8, $9)",
				&args);
	}
}

/* A file or table that is imported again replaces its findings. */
void
findings_clear(int migration, const char *object)
{
	SqlArguments args = {0};

	sql_int(&args, migration);
	sql_text(&args, object);
	sql_run("DELETE FROM flitmig.finding WHERE migration_id = $1 AND step = 'import' AND object = $2", &args);
}
