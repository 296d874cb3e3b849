# A generated clinic of 300 patients goes into Twenty and back out, on both models, at the default call limit.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
my $export = "$work/export";
my $manifest = generate_clinic($export, '--patients', '300', '--seed', '11');
my @members = @{ $manifest->{members} };
my $node = start_cluster('generic');

for my $model ('1.17', '2.19')
{
	note "model $model";
	my $twenty = start_twenty('--model', $model, '--calls-per-minute', '100', '--members', join(',', @members), '--seed-foreign', '50');
	my $clinic = $model eq '1.17' ? 'clinic_old' : 'clinic_new';
	my $server = "crm_$clinic";
	connect_twenty($node, $twenty, $server);
	my $before = dump_of($twenty);

	$node->safe_psql('postgres', "SELECT flitmig_create('$clinic', '$server', time_zone => 'America/New_York', date_order => 'MDY', default_owner => '$members[0]')");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$clinic', '$export')");
	is($node->safe_psql('postgres', 'SELECT sum(difference) FROM flitmig.file_balance'), '0', "$model: every row of every file is staged or rejected");
	$node->safe_psql('postgres', "SELECT flitmig_confirm('$clinic')");
	like(psql_error($node, "SELECT * FROM flitmig_run('$clinic')"), qr/not signed off/, "$model: nothing moves unseen");
	sign_off($node, $clinic);
	my $total = $node->safe_psql('postgres', "SELECT quarantined || ' ' || conflicts FROM flitmig_run('$clinic') WHERE object = 'TOTAL'");
	is($total, '0 0', "$model: nothing refused, no conflict");

	is($node->safe_psql('postgres', "SELECT coalesce(sum(difference), 0) FROM flitmig.balance WHERE migration = '$clinic'"), '0', "$model: balance is zero");
	is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.diff d JOIN flitmig.migration m ON m.id = d.migration_id WHERE m.name = '$clinic' AND verdict <> 'normalised'"), '0', "$model: no field differs from what was sent");
	my $counts = counts($twenty);
	my $expected = $manifest->{expected};
	my $people = $expected->{patients} + $expected->{providers};
	is($counts->{people}, $people + $counts->{foreign_people}, "$model: every patient and provider is a person");
	is($counts->{tasks}, $expected->{appointments} + $counts->{foreign_tasks}, "$model: every appointment is a task");
	is($counts->{billingClaims}, $expected->{billingClaims}, "$model: claims");
	is($counts->{carePlans}, $expected->{carePlans}, "$model: care plans");
	is($counts->{carePlanItems}, $expected->{carePlanItems}, "$model: care plan items");
	is($counts->{labResults}, $expected->{labResults}, "$model: lab results");
	is_deeply(uploaded($twenty), sent_files($node, $clinic), "$model: the bytes of every file arrived");

	is_deeply(lost_at_the_import_page($node, $twenty, $clinic), [], "$model: the import page would know each column of the exports, and each link by its value");

	my $writes = scalar @{ writes_of($twenty) };
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$clinic')");
	is(scalar @{ writes_of($twenty) }, $writes, "$model: a second run writes nothing");

	$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('$clinic')");
	my $after = dump_of($twenty);
	ok($after eq $before, "$model: rolled back, Twenty is what it was, byte for byte") or diag lines_that_differ($before, $after);
}

# Records by object, from the dump; foreign ones counted before anything was sent.
sub counts
{
	my ($twenty) = @_;
	my %count;
	for my $root (qw(people tasks billingClaims carePlans carePlanItems labResults))
	{
		$count{$root} = graphql($twenty, "query { $root { totalCount } }")->{$root}{totalCount};
	}
	$count{foreign_people} = foreign($twenty, 'people');
	$count{foreign_tasks} = foreign($twenty, 'tasks');
	return \%count;
}

# Foreign records carry no source id of ours.
sub foreign
{
	my ($twenty, $root) = @_;
	return graphql($twenty, "query { $root(filter: { or: [{ sourceSystemId: { is: NULL } }, { sourceSystemId: { eq: \"\" } }] }) { totalCount } }")->{$root}{totalCount};
}

# The import page as its source has it (TWENTY.md 8): a column is known by its label, a link by one unique field of the
# other side, the same in all rows. Returns what it would not know, or would take for another record.
sub lost_at_the_import_page
{
	my ($node, $twenty, $clinic) = @_;
	my %parts = (
		FULL_NAME => [ 'First Name', 'Last Name' ], EMAILS => [ 'Primary Email', 'Additional Emails' ], RICH_TEXT => ['Markdown'], RICH_TEXT_V2 => ['Markdown'],
		PHONES => [ map { "Primary Phone $_" } 'Number', 'Country Code', 'Calling Code' ], CURRENCY => [ 'Amount', 'Currency' ], LINKS => [ 'Link URL', 'Link Label', 'Secondary Links' ],
		ADDRESS => [ 'Address 1', 'Address 2', 'City', 'State', 'Country', 'Post Code' ], map { $_ => [] } qw(ACTOR FILES MORPH_RELATION POSITION TS_VECTOR));
	push @{ $parts{PHONES} }, 'Additional Phones';
	my %unique_part = (EMAILS => [ 'Primary Email', 'primaryEmail' ], LINKS => [ 'Link URL', 'primaryLinkUrl' ]);
	my $answer = decode_json(http_post($twenty, '/metadata', encode_json({ query =>
		'{objects(paging:{first:200}){edges{node{nameSingular fieldsList{name label type isActive isUnique relation{type targetObjectMetadata{nameSingular}}}}}}}' })));
	my %object = map { $_->{node}{nameSingular} => $_->{node} } @{ $answer->{data}{objects}{edges} };
	my @all = @{ decode_json(http_get($twenty, '/__dump?part=records')) };
	my (@lost, $links, %seen);
	for my $name (split /\n/, $node->safe_psql('postgres', "SELECT DISTINCT r.object FROM flitmig.record r JOIN flitmig.migration m ON m.id = r.migration_id WHERE m.name = '$clinic' AND r.state = 'mapped' ORDER BY 1"))
	{
		my %offered;
		for my $field (grep { $_->{isActive} } @{ $object{$name}{fieldsList} })
		{
			if ($field->{type} ne 'RELATION') { $offered{$_} = [] for $parts{ $field->{type} } ? map { "$field->{label} / $_" } @{ $parts{ $field->{type} } } : $field->{label}; next; }
			next if $field->{relation}{type} ne 'MANY_TO_ONE';
			my $target = $field->{relation}{targetObjectMetadata}{nameSingular};
			for my $unique (grep { $_->{name} eq 'id' || $_->{isUnique} } @{ $object{$target}{fieldsList} })
			{
				my ($label, $part) = @{ $unique_part{ $unique->{type} } || [] };
				$offered{ join ' / ', $field->{label}, $unique->{label}, $label // () } = [ "$field->{name}Id", $target, $unique->{name}, $part ];
			}
		}
		my ($code, $csv, $error) = $node->psql('postgres', "SELECT jsonb_agg(csv ORDER BY file_name) FROM flitmig_export('$clinic', '$name')");
		next if $error =~ /takes nothing of object "$name"/ && $name =~ /Target$|^attachment$/;		# of these the page has no link on some servers
		die $error if $code != 0;
		for my $file (@{ decode_json($csv) })
		{
			my ($header, @rows) = csv_rows($file);
			push @lost, map { "$name: $_" } grep { !$offered{$_} } @$header;
			for my $n (grep { $offered{ $header->[$_] } && @{ $offered{ $header->[$_] } } } 0 .. $#$header)
			{
				my ($column, $target, $by, $part) = @{ $offered{ $header->[$n] } };
				push @lost, "$name: two columns for $column" if $seen{"$name.$column"}++;
				my %want = map { split /\|/ } split /\n/, $node->safe_psql('postgres', "SELECT r.id || '|' || (r.payload ->> '$column') FROM flitmig.record r JOIN flitmig.migration m ON m.id = r.migration_id
					WHERE m.name = '$clinic' AND r.object = '$name' AND r.state = 'mapped' AND r.payload ->> '$column' IS NOT NULL");
				my %holds;
				for (grep { $_->{record} eq $target } @all) { my $value = $part ? $_->{$by}{$part} : $_->{$by}; push @{ $holds{$value} }, $_->{id} if defined $value; }
				for my $row (@rows)
				{
					my ($id, $value) = ($row->[0], $row->[$n]);
					push @lost, "$name: $header->[$n] of $id" if ($value eq '' ? '' : join ',', @{ $holds{$value} || ['nobody'] }) ne ($want{$id} // '');
					$links++ if $value ne '';
				}
			}
		}
	}
	return $links && $links > 300 ? [ @lost[ 0 .. ($#lost > 9 ? 9 : $#lost) ] ] : ['hardly a link in the exports'];
}

sub csv_rows
{
	my ($text) = @_;
	my (@rows, @row);
	while ($text =~ /\G(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r\n)/gc)
	{
		my ($quoted, $plain, $end) = ($1, $2, $3);
		$quoted =~ s/""/"/g if defined $quoted;
		push @row, $quoted // $plain;
		if ($end ne ',') { push @rows, [@row]; @row = (); }
	}
	return @rows;
}

sub uploaded
{
	my ($twenty) = @_;
	my @sums = dump_of($twenty) =~ /"sha256":\s*"([0-9a-f]{64})"/g;
	return [ sort @sums ];
}

sub sent_files
{
	my ($node, $clinic) = @_;
	my $list = $node->safe_psql('postgres', qq{
		SELECT encode(f.sha256, 'hex') FROM flitmig.record r
		JOIN flitmig.migration m ON m.id = r.migration_id AND m.name = '$clinic'
		JOIN flitmig.source_file f ON f.migration_id = m.id AND f.name = r.file_path
		WHERE r.state = 'mapped' AND r.file_path IS NOT NULL ORDER BY 1});
	return [ sort split /\n/, $list ];
}

done_testing();
