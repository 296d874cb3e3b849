-- A Twenty server is a foreign server of the wrapper flitmig_twenty; its key lives in a user mapping.
\set SHOW_CONTEXT never
CREATE ROLE flitmig_dba SUPERUSER;
CREATE ROLE flitmig_clerk;
CREATE ROLE flitmig_reader;
GRANT pg_read_server_files TO flitmig_reader;
SET ROLE flitmig_dba;

-- the address
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'crm.example.com');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '/graphql');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'ftp://crm.example.com');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'file:///etc/passwd');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com/a b');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://ann:tiger@crm.example.com');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com?token=tiger');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com/#tiger');

-- plain http stays on this machine, unless allowed in so many words
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://crm.example.com');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://localhost.example.com');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://127.0.0.1.example.com');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://crm.example.com', allow_http 'perhaps');
CREATE SERVER plain1 FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://localhost:3000');
CREATE SERVER plain2 FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://[::1]:3000/');
CREATE SERVER plain3 FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://crm.internal', allow_http 'true');
ALTER SERVER plain3 OPTIONS (DROP allow_http);
ALTER SERVER plain1 OPTIONS (DROP url);

-- what belongs where
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com', api_key 'tiger');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com', ca_file 'ca.pem');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com', call_share '0');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com', call_share '80%');
ALTER FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com/twenty/', ca_file '/etc/ssl/ca.pem');

-- the key: exactly one of two, and never in a message
CREATE USER MAPPING FOR CURRENT_USER SERVER crm;
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key 'tiger', api_key_file '/tmp/key');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key '');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key E'tiger\r\nX-Other: header');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key 'tiger', url 'https://crm.example.com');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key_file 'key');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key 'tiger');
ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (ADD api_key_file '/tmp/key');
ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (DROP api_key);
ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (DROP api_key, ADD api_key_file '/nowhere/flitmig.key');

-- a key file is read by the server, so naming one takes that right
GRANT USAGE ON FOREIGN SERVER crm TO flitmig_clerk, flitmig_reader;
SET ROLE flitmig_clerk;
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key_file '/etc/passwd');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key 'tiger');
SET ROLE flitmig_reader;
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key_file '/etc/passwd');
SET ROLE flitmig_dba;

-- what a request needs; none of these leaves the machine
SELECT * FROM flitmig._http('nowhere', 'GET', '/healthz');
CREATE FOREIGN DATA WRAPPER flitmig_other;
CREATE SERVER other FOREIGN DATA WRAPPER flitmig_other;
SELECT * FROM flitmig._http('other', 'GET', '/healthz');
SELECT * FROM flitmig._http('plain1', 'GET', '/healthz');
SELECT * FROM flitmig._http('crm', 'GET', '/healthz');
ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (SET api_key_file '/dev/null');
SELECT * FROM flitmig._http('crm', 'GET', '/healthz');
ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (SET api_key_file '/etc/passwd');
SELECT * FROM flitmig._http('crm', 'GET', '/healthz');
CREATE USER MAPPING FOR PUBLIC SERVER plain1 OPTIONS (api_key 'tiger');
SELECT * FROM flitmig._http('plain1', 'GET', '@evil.example.com/');
SELECT * FROM flitmig._http('plain1', 'BREW', '/');
SELECT * FROM flitmig._http('plain1', 'FILE', '/', '/nowhere/file');
SELECT * FROM flitmig._http('plain1', 'FILE', '/', '/dev/null');

SET client_min_messages = warning;
DROP SERVER crm, plain1, plain2, plain3, other CASCADE;
DROP FOREIGN DATA WRAPPER flitmig_other;
RESET ROLE;
DROP ROLE flitmig_dba, flitmig_clerk, flitmig_reader;
