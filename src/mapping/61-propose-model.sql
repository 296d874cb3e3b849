/* mapping: where a column of an export can go. */

/*
 * kind: what the values look like. id, ref (the id of a row elsewhere), date,
 * email, phone, money, number, flag, word (one of few), name, text, prose, any.
 * telling: how much a column of this kind says about what its table is.
 * A field in parentheses is none of the record: the column decides something.
 */
CREATE VIEW flitmig.proposal_column AS
SELECT v.entity, c[1] AS column_name, pg_catalog.split_part(c[2], '.', 1) AS object, pg_catalog.split_part(c[2], '.', 2) AS field,
	c[3] AS kind, c[4]::numeric AS telling, c[5] AS reference
FROM (VALUES
	('patients', $$
patient_id person.sourceSystemId id .2 patients
mrn person.medicalRecordNumber id 1
title person.honorific word .4
first_name person.name name .8
middle_name person.middleName name .6
last_name person.name name .8
full_name person.name name .4
suffix person.nameSuffix word .4
preferred_name person.preferredName name .8
date_of_birth person.dateOfBirth date 1.5
sex person.sex word 1
email person.emails email .4
email_2 person.emails email .2
mobile_phone person.phones phone .5
home_phone person.phones phone .4
work_phone person.phones phone .3
other_phone person.phones phone .1
address_1 person.homeAddress text .4
address_2 person.homeAddress text .3
address_3 person.homeAddress text .2
city person.homeAddress text .3
state person.homeAddress text .2
postal_code person.homeAddress any .3
country person.homeAddress text .2
consent_on_file person.consentOnFile flag .6
status person.patientStatus word .1
primary_provider_id person.primaryProvider ref .3 providers
location_id person.clinicLocation ref .1 locations
referring_provider_name person.referringProviderName name .3
referring_provider_email person.referringProviderEmail email .3
referring_provider_id person.referringProvider ref .2 providers
referring_npi person.referringProviderNpi id .2
account_owner_email person.accountOwner any .3
balance person.accountBalance money .4
deleted person.(exclude) flag .1
created_at person.createdAt date .1
updated_at person.(drop) date 0
last_visit person.lastVisit date .4
insurance_carrier person.insuranceCarrier text .2
insurance_policy_number person.policyNumber id .2
insurance_group_number person.groupNumber id .2
insurance_coverage_type person.coverageType word .1
secondary_insurance_carrier person.secondaryInsuranceCarrier text .1
secondary_insurance_policy_number person.secondaryPolicyNumber id .1
secondary_insurance_group_number person.secondaryGroupNumber id .1
secondary_insurance_coverage_type person.secondaryCoverageType word .1$$),
	('providers', $$
provider_id person.sourceSystemId id .2 providers
name person.name name .3
first_name person.name name .2
last_name person.name name .2
npi person.npi id 1.5
specialties person.specialty text 1.5
email person.emails email .3
phone person.phones phone .3
role person.jobTitle word .4
location_id person.clinicLocation ref .2 locations
active person.activeInSource flag .2$$),
	('staff', $$
staff_id workspaceMember.(drop) id .2 staff
name workspaceMember.name name .3
first_name workspaceMember.name name .2
last_name workspaceMember.name name .2
email workspaceMember.userEmail email .3
role workspaceMember.(drop) word .3
active workspaceMember.(drop) flag .2$$),
	('locations', $$
location_id company.sourceSystemId id .2 locations
name company.name name .4
kind company.locationKind word .2
address_1 company.address text .3
city company.address text .3
state company.address text .2
postal_code company.address any .3
country company.address text .2
phone company.mainPhone phone .3
website company.domainName text .5$$),
	('payers', $$
payer_id company.sourceSystemId id .3 payers
name company.name name .3
phone company.mainPhone phone .2
website company.domainName text .4$$),
	('appointments', $$
appointment_id task.sourceSystemId id .4 appointments
patient_id task.patient ref .2 patients
provider_id task.provider ref .3 providers
owner task.assignee any .2
type task.taskType word .6
status task.status word .3
start task.dueAt date .6
start_date task.dueAt date .4
start_time task.dueAt time .8
end task.durationMinutes date .3
end_time task.durationMinutes time .2
duration task.durationMinutes number 1.2
location_id task.clinicLocation ref .2 locations
reason task.visitReason text .4
notes task.bodyV2 prose .1
arrived task.status flag .4
no_show task.status flag .6
cancelled_at task.status flag .5
deleted task.(exclude) flag .1
booked_at task.createdAt date .2
updated_at task.(drop) date 0$$),
	('notes', $$
note_id note.sourceSystemId id .4 notes
patient_id note.patient ref .2 patients
appointment_id note.appointment ref .2 appointments
author note.authorName name .6
title note.title text .2
encounter_date note.encounterDate date .3
format note.bodyV2 word .2
body note.bodyV2 prose 1.2
subjective note.bodyV2 prose 1
objective note.bodyV2 prose 1
assessment note.bodyV2 prose 1
plan note.bodyV2 prose .6
signed note.signed flag .5
created_at note.writtenAt date .1$$),
	('insurance', $$
policy_id person.insuranceId id .4 insurance
patient_id person.(patient) ref .2 patients
priority person.(priority) word .4
payer_id person.insurancePayer ref .4 payers
carrier person.insuranceCarrier text .8
policy_number person.policyNumber id 1
group_number person.groupNumber id 1.2
coverage_type person.coverageType word .8
start person.coverageStart date .2
end person.coverageEnd date .2$$),
	('claims', $$
claim_id billingClaim.sourceSystemId id .4 claims
claim_number billingClaim.claimNumber id .8 claims
patient_id billingClaim.patient ref .2 patients
provider_id billingClaim.provider ref .2 providers
payer_id billingClaim.payer ref .4 payers
appointment_id billingClaim.appointment ref .2 appointments
service_date billingClaim.serviceDate date .6
amount_billed billingClaim.amountBilled money 1
amount_paid billingClaim.amountPaid money 1
claim_status billingClaim.claimStatus word .3$$),
	('referrals', $$
referral_id person.referralId id .5 referrals
patient_id person.(patient) ref .2 patients
referring_provider_name person.referringProviderName name .6
referring_provider_email person.referringProviderEmail email .6
referring_npi person.referringProviderNpi id .6
referring_provider_id person.referringProvider ref .4 providers
referral_date person.referralDate date .8
reason person.referralReason text .3$$),
	('care_plans', $$
plan_id carePlan.sourceSystemId id .4 care_plans
patient_id carePlan.patient ref .2 patients
provider_id carePlan.provider ref .2 providers
title carePlan.name text .2
status carePlan.planStatus word .2
start carePlan.startDate date .2
end carePlan.endDate date .2
narrative note.bodyV2 prose .4$$),
	('care_plan_items', $$
item_id carePlanItem.sourceSystemId id .3 care_plan_items
plan_id carePlanItem.carePlan ref .6 care_plans
procedure_code carePlanItem.procedureCode id .5
description carePlanItem.name text .2
status carePlanItem.itemStatus word .1
start carePlanItem.startDate date .2
end carePlanItem.endDate date .2$$),
	('lab_results', $$
result_id labResult.sourceSystemId id .4 lab_results
patient_id labResult.patient ref .2 patients
provider_id labResult.provider ref .2 providers
test_name labResult.testName text 1
value labResult.resultValue any .6
unit labResult.unit word .8
reference_range labResult.referenceRange text 1.2
date_collected labResult.dateCollected date .5
status labResult.resultStatus word .2
narrative note.bodyV2 prose .2$$),
	('documents', $$
document_id attachment.sourceSystemId id .4 documents
patient_id attachment.patient ref .2 patients
note_id attachment.note ref .2 notes
file_name attachment.name text 1
path attachment.file text 1
title note.title text .3
content_type attachment.(drop) word .6
uploaded_at attachment.createdAt date .4$$)
	) v(entity, lines),
	pg_catalog.regexp_split_to_table(v.lines, E'\n') line,
	pg_catalog.regexp_split_to_array(line, ' ') c
WHERE line OPERATOR(pg_catalog.<>) '';
COMMENT ON VIEW flitmig.proposal_column IS 'The columns that flitmig_propose looks for in an export, and the field of Twenty that each becomes: the generic profile''s, and what other exports have beside';
COMMENT ON COLUMN flitmig.proposal_column.reference IS 'Entity whose id the column holds; its own entity for the id itself';
COMMENT ON COLUMN flitmig.proposal_column.field IS 'In parentheses: not a field, the column decides something about the record';
