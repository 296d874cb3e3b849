# Counts the tests of one TAP stream: prints "passed failed skipped".
# A plan that was not kept is one failure. A skip and a todo that fails are skips, not passes.
/^[0-9]+\.\.[0-9]+/ { split($1, plan, "[.][.]"); planned = plan[2]; has_plan = 1 }
/^1\.\.0.*[Ss][Kk][Ii][Pp]/ { skipped++; skipped_all = 1 }
/^Bail out!/ { failed++ }
/^ok/ { seen++; if ($0 ~ /# *([Ss][Kk][Ii][Pp]|TODO)/) skipped++; else passed++ }
/^not ok/ { seen++; if ($0 ~ /# *TODO/) skipped++; else failed++ }
END {
	if (!has_plan || (!skipped_all && planned != seen)) failed++
	print passed + 0, failed + 0, skipped + 0
}
