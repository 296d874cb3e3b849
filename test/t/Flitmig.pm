# What every TAP test here needs: a cluster with the extension, a stand-in Twenty, a generated clinic.
package Flitmig;

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(start_cluster start_twenty generate_clinic write_lines connect_twenty migrate_up_to
  sign_off http_get http_post graphql dump_of writes_of lines_that_differ wait_until psql_error in_background hold_table release_table workers kill_hard start_when_orphans_are_gone stage_new_patients holds_mapped_people slice_of $repository);

our $repository = abs_path(dirname(__FILE__) . '/../..');

my @children;

# A throw-away cluster whose postgres may read the test's files.
sub start_cluster
{
	my ($name, %more) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, $more{install_path} ? (install_path => $more{install_path}) : ());
	$node->init(allows_streaming => $more{streaming} // 0);
	$node->append_conf('postgresql.conf', "max_worker_processes = 16\nrestart_after_crash = on\nflitmig.late_window = '3s'\n" . ($more{conf} // ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION flitmig');
	return $node;
}

# Starts the stand-in; returns { url, key, pid, file for its faults }.  Ends with the test.
sub start_twenty
{
	my (@options) = @_;
	my $log = tempdir(CLEANUP => 1) . '/twenty.log';
	my $pid = fork();
	if ($pid == 0)
	{
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', $log);
		open(STDERR, '>&', \*STDOUT);
		exec('node', "$repository/test/twenty/server.js", '--port', '0', @options) or exit 127;
	}
	push @children, $pid;
	my ($url, $key);
	for (1 .. 300)
	{
		if (-s $log && slurp_file($log) =~ /^ready (\S+) (\S+)/m)
		{
			($url, $key) = ($1, $2);
			last;
		}
		select(undef, undef, undef, 0.1);
	}
	die "the stand-in did not start: " . (-e $log ? slurp_file($log) : '') unless $url;
	return { url => $url, key => $key, pid => $pid, log => $log };
}

# A generated export; returns (directory, manifest).
sub generate_clinic
{
	my ($dir, @options) = @_;
	system("$repository/test/clinic/generate", '--out', $dir, @options) == 0 or die "generate failed";
	my $manifest = decode_json(slurp_file("$dir.manifest.json"));
	return $manifest;
}

# Writes a file of these lines, over what was there.
sub write_lines
{
	my ($path, @lines) = @_;
	open(my $file, '>', $path) or die "$path: $!";
	print $file "$_\n" for @lines;
	close $file;
}

# Server and user mapping.
sub connect_twenty
{
	my ($node, $twenty, $name) = @_;
	$name //= 'crm';
	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '$twenty->{url}');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (api_key '$twenty->{key}');});
}

# create, import, confirm
sub migrate_up_to
{
	my ($node, $migration, $dir, %more) = @_;
	my $profile = $more{profile} // 'generic';
	$node->safe_psql('postgres',
		"SELECT flitmig_create('$migration', 'crm', profile => '$profile', time_zone => 'America/New_York', date_order => 'MDY')");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$migration', '$dir')");
	$node->safe_psql('postgres', "SELECT flitmig_confirm('$migration')");
}

sub sign_off
{
	my ($node, $migration, $size) = @_;
	$size //= 300;
	$node->safe_psql('postgres', "SELECT * FROM flitmig_sample('$migration', $size)");
	$node->safe_psql('postgres', "SELECT flitmig_sign_off('$migration', 'looked at it')");
}

sub http_request
{
	my ($twenty, $method, $path, $body, $type) = @_;
	my ($host, $port) = $twenty->{url} =~ m{^http://([^:/]+):(\d+)};
	my $socket = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 30) or die "no stand-in: $!";
	$body //= '';
	print $socket "$method $path HTTP/1.0\r\nHost: $host:$port\r\nAuthorization: Bearer $twenty->{key}\r\n"
	  . "Content-Type: " . ($type // 'application/json') . "\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body";
	local $/;
	my $answer = <$socket>;
	$answer =~ s/^.*?\r\n\r\n//s;
	return $answer;
}

sub http_get { my ($twenty, $path) = @_; return http_request($twenty, 'GET', $path); }
sub http_post { my ($twenty, $path, $body) = @_; return http_request($twenty, 'POST', $path, $body); }

# FLITMIG_SLICE=2/5: of these, every fifth from the second on; so that a long list can be done in pieces, or side by side.
sub slice_of
{
	my @all = @_;
	return @all unless ($ENV{FLITMIG_SLICE} // '') =~ m{^(\d+)/(\d+)$};
	die "no such slice: $ENV{FLITMIG_SLICE}" if $1 < 1 || $1 > $2;
	return map { $all[$_] } grep { $_ % $2 == $1 - 1 } 0 .. $#all;
}

# A GraphQL call as a person at the stand-in would make it; returns the data.
sub graphql
{
	my ($twenty, $query, $variables, $path) = @_;
	my $answer = decode_json(http_request($twenty, 'POST', $path // '/graphql',
			encode_json({ query => $query, variables => $variables // {} })));
	die "graphql: " . encode_json($answer) if $answer->{errors};
	return $answer->{data};
}

sub dump_of { my ($twenty) = @_; return http_get($twenty, '/__dump'); }

# Accepted calls that change records or schema, from the stand-in's log.
sub writes_of
{
	my ($twenty) = @_;
	my $log = decode_json(http_get($twenty, '/__log'));
	return [ grep { $_->{field} =~ /^(create|update|destroy|delete|restore|upload|complete)/ } @{ $log->{calls} } ];
}

# For a failing comparison: which lines differ, shortened.
sub lines_that_differ
{
	my ($a, $b) = @_;
	my %in_a = map { $_ => 1 } split /\n/, $a;
	my %in_b = map { $_ => 1 } split /\n/, $b;
	my @only_a = grep { !$in_b{$_} } split /\n/, $a;
	my @only_b = grep { !$in_a{$_} } split /\n/, $b;
	# of two versions of one thing, from shortly before they part
	my $cut = sub {
		my ($line, $others) = @_;
		my ($other) = grep { substr($_, 0, 60) eq substr($line, 0, 60) } @$others;
		my $same = $other ? length(($line ^ $other) =~ /^(\0*)/ ? $1 : '') : 0;
		return substr($line, 0, 80) . ($same > 120 ? ' … ' . substr($line, $same - 40, 280) : substr($line, 80, 320)); };
	my @a = map { '- ' . $cut->($_, \@only_b) } @only_a;
	my @b = map { '+ ' . $cut->($_, \@only_a) } @only_b;
	return join("\n", splice(@a, 0, 8), splice(@b, 0, 8));
}

# Waits on a condition, never on a time.
sub wait_until
{
	my ($what, $condition) = @_;
	for (1 .. 1800)
	{
		return 1 if $condition->();
		select(undef, undef, undef, 0.1);
	}
	die "waited in vain until $what";
}

# Runs SQL that must fail; returns what psql said.
sub psql_error
{
	my ($node, $sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql);
	return $rc == 0 ? '' : $err;
}

# psql with one command in a process of its own; returns its pid.
sub in_background
{
	my ($node, $sql, %more) = @_;
	my $pid = fork();
	return $pid if $pid;
	open(STDIN, '<', '/dev/null');
	open(STDOUT, '>', '/dev/null');
	open(STDERR, '>', $more{errors} // '/dev/null');
	$ENV{PGAPPNAME} = $more{name} // 'background';
	exec('psql', '-X', '-d', $node->connstr('postgres'), '-c', $sql) or POSIX::_exit(127);
}

# Another session's lock on a table of flitmig: whoever wants to write into it waits until release_table.
sub hold_table
{
	my ($node, $table) = @_;
	in_background($node, "LOCK TABLE flitmig.$table IN SHARE MODE; SELECT pg_sleep(3600)", name => "holder of $table");
	wait_until("flitmig.$table is held", sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holder of $table' AND wait_event = 'PgSleep'") > 0 });
}

# table undef: all of them
sub release_table
{
	my ($node, $table) = @_;
	my $holders = "application_name LIKE 'holder of " . ($table // '%') . "'";
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $holders");
	wait_until('the lock is gone', sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE $holders") eq '0' });
}

# kill -9 of one server process; returns when the cluster is there again.  Once the process is gone from the table of
# processes, the postmaster has reaped it, and lets nobody in before everything was started anew; until then a session
# may still be let in that is thrown out in the middle of its question.
sub kill_hard
{
	my ($node, $pid) = @_;
	return unless kill 'KILL', $pid;
	wait_until('the postmaster has noticed', sub { !kill 0, $pid });
	# psql dies of a broken pipe here (and we with it) when it is refused before it has read its question
	wait_until('the cluster is up', sub { (eval { ($node->psql('postgres', 'SELECT 1'))[1] } // '') eq '1' });
}

# Backends of a killed postmaster leave by themselves; until then its data directory is not free.
sub start_when_orphans_are_gone
{
	my ($node) = @_;
	wait_until('the data directory is free', sub {
			select(undef, undef, undef, 0.3);
			$node->{_pid} = undef;    # a failed start takes the dead postmaster's pid file for a running one
			return $node->start(fail_ok => 1); });
}

# Patients of these numbers more in the staging table of the migration clinic.
sub stage_new_patients
{
	my ($node, $from, $to) = @_;
	$node->safe_psql('postgres', "INSERT INTO clinic_staging.patients (_file, _line, _hash, patient_id, first_name, last_name) SELECT min(p._file), i + 10000, i, i::text, 'Given' || i, 'Family' || i FROM clinic_staging.patients p, generate_series($from, $to) i GROUP BY i");
}

# Of the people that were mapped (by one migration, or by all) Twenty holds each, once, and nothing is unaccounted for.
sub holds_mapped_people
{
	my ($node, $twenty, $what, $migration) = @_;
	my $which = defined $migration ? "= '$migration'" : 'IS NOT NULL';
	my @mapped = split /\n/, $node->safe_psql('postgres', "SELECT r.id FROM flitmig.record r JOIN flitmig.migration m ON m.id = r.migration_id WHERE m.name $which AND r.object = 'person' AND r.state = 'mapped'");
	my %ours = map { $_ => 1 } @mapped;
	my @there = grep { $ours{$_} } dump_of($twenty) =~ /^\{"record":"person","id":"([0-9a-f-]{36})"/mg;
	is(scalar(@there), scalar(@mapped), "$what: Twenty holds exactly the mapped set");
	is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration $which"), '0', "$what: balance is zero");
}

sub workers
{
	my ($node, $condition) = @_;
	return $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'flitmig worker' AND " . ($condition // 'true'));
}

END
{
	my $status = $?;
	for my $pid (@children) { kill 'TERM', $pid; waitpid($pid, 0); }
	$? = $status;
}

1;
