/*
 * uploads: three ways to hand over a file (TWENTY.md 7).
 *
 *	direct	reserve ─▶ put ─▶ complete		createFileUpload, PUT to the url it gives, completeFileUpload
 *	field	send							uploadFilesFieldFile, for the field attachment.file
 *	path	send							uploadFile, a path for attachment.fullPath
 *
 * What the server calls the file stays in flitmig.upload.file_ref and goes
 * into the attachment's payload. An upload url carries its own token and may
 * be on another origin: the transport put sends no key.
 */

CREATE FUNCTION flitmig._upload_dialect(mig integer) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN f.type = 'FILES' AND flitmig._capable(mig, 'metadata_mutations', 'createFileUpload') AND flitmig._capable(mig, 'metadata_mutations', 'completeFileUpload') THEN 'direct'
		WHEN f.type = 'FILES' AND flitmig._capable(mig, 'metadata_mutations', 'uploadFilesFieldFile') THEN 'field'
		WHEN (flitmig._capable(mig, 'graphql_mutations', 'uploadFile') OR flitmig._capable(mig, 'metadata_mutations', 'uploadFile'))
			AND (flitmig._live_field(mig, 'attachment', 'fullPath')).name IS NOT NULL THEN 'path'
	END
	FROM flitmig._live_field(mig, 'attachment', 'file') f
$$;
COMMENT ON FUNCTION flitmig._upload_dialect(integer) IS 'How this server takes files: direct, field, path, or NULL when in no way that flitmig knows';

CREATE FUNCTION flitmig._upload_first_step(dialect text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE dialect WHEN 'direct' THEN 'reserve' ELSE 'send' END $$;
COMMENT ON FUNCTION flitmig._upload_first_step(text) IS 'First step of an upload dialect';

CREATE FUNCTION flitmig._upload_request(mig integer, dialect text, step text, u flitmig.upload,
	OUT transport text, OUT path text, OUT body jsonb, OUT map jsonb, OUT content_type text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	field_id uuid := (flitmig._live_field(mig, 'attachment', 'file')).field_id;
BEGIN
	transport := 'post';
	path := '/metadata';
	content_type := coalesce(u.content_type, 'application/octet-stream');
	CASE dialect || ' ' || coalesce(step, flitmig._upload_first_step(dialect))
		WHEN 'direct reserve' THEN
			body := flitmig._call('mutation($n:String!,$s:Float!,$f:String!){createFileUpload(filename:$n,size:$s,fileFolder:FilesField,fieldMetadataId:$f)'
								  || '{fileId uploadUrl contentType expiresAt}}',
								  jsonb_build_object('n', u.name, 's', u.bytes, 'f', field_id));
		WHEN 'direct put' THEN
			transport := 'put';
			path := u.file_ref ->> 'url';
			content_type := coalesce(u.file_ref ->> 'contentType', content_type);
		WHEN 'direct complete' THEN
			body := flitmig._call('mutation($f:String!){completeFileUpload(fileId:$f){id path size}}', jsonb_build_object('f', u.file_ref -> 'fileId'));
		WHEN 'field send' THEN
			transport := 'multipart';
			map := '{"0": ["variables.file"]}';
			body := flitmig._call('mutation($file:Upload!,$f:String!){uploadFilesFieldFile(file:$file,fieldMetadataId:$f){id path size}}',
								  jsonb_build_object('file', NULL, 'f', field_id));
		WHEN 'path send' THEN
			transport := 'multipart';
			map := '{"0": ["variables.file"]}';
			IF flitmig._capable(mig, 'graphql_mutations', 'uploadFile') THEN
				path := '/graphql';
			END IF;
			body := flitmig._call('mutation($file:Upload!,$fileFolder:FileFolder){uploadFile(file:$file,fileFolder:$fileFolder){path token}}',
								  '{"file": null, "fileFolder": "Attachment"}');
	END CASE;
END
$$;
COMMENT ON FUNCTION flitmig._upload_request(integer, text, text, flitmig.upload) IS 'Call of one step of an upload: transport post, multipart (body is the part operations, map the part map) or put (path is a complete url, no key goes there). step NULL: the first';

/*
 * {"next_step", "file_ref"}: next_step null when the file is there.  answer
 * is NULL after a put, whose answer is empty.
 */
CREATE FUNCTION flitmig._upload_answer(mig integer, dialect text, step text, u flitmig.upload, answer jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	got jsonb;
BEGIN
	CASE dialect || ' ' || coalesce(step, flitmig._upload_first_step(dialect))
		WHEN 'direct reserve' THEN
			got := flitmig._expect(mig, answer, 'data', 'createFileUpload');
			RETURN jsonb_build_object('next_step', 'put', 'file_ref', jsonb_build_object(
				'fileId', got -> 'fileId', 'url', got -> 'uploadUrl', 'contentType', got -> 'contentType', 'expiresAt', got -> 'expiresAt'));
		WHEN 'direct put' THEN
			RETURN jsonb_build_object('next_step', 'complete', 'file_ref', u.file_ref);
		WHEN 'direct complete' THEN
			got := flitmig._expect(mig, answer, 'data', 'completeFileUpload');
			/* the url and its token are of no more use */
			RETURN jsonb_build_object('next_step', NULL, 'file_ref', jsonb_build_object('fileId', got -> 'id', 'bytes', got -> 'size'));
		WHEN 'field send' THEN
			got := flitmig._expect(mig, answer, 'data', 'uploadFilesFieldFile');
			RETURN jsonb_build_object('next_step', NULL, 'file_ref', jsonb_build_object('fileId', got -> 'id', 'bytes', got -> 'size'));
		WHEN 'path send' THEN
			got := flitmig._expect(mig, answer, 'data', 'uploadFile');
			RETURN jsonb_build_object('next_step', NULL, 'file_ref', jsonb_build_object('path', got -> 'path'));
	END CASE;
END
$$;
COMMENT ON FUNCTION flitmig._upload_answer(integer, text, text, flitmig.upload, jsonb) IS 'What an upload''s answer means: the next step (null: done) and what the server calls the file';

CREATE FUNCTION flitmig._file_category(content_type text, name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN t.type LIKE 'image/%' OR t.ending IN ('png', 'jpg', 'jpeg', 'gif', 'webp', 'tif', 'tiff', 'bmp', 'heic', 'svg') THEN 'IMAGE'
		WHEN t.type LIKE 'audio/%' OR t.ending IN ('mp3', 'wav', 'm4a', 'ogg') THEN 'AUDIO'
		WHEN t.type LIKE 'video/%' OR t.ending IN ('mp4', 'mov', 'avi', 'webm') THEN 'VIDEO'
		WHEN t.ending IN ('zip', 'tar', 'gz', 'rar', '7z') THEN 'ARCHIVE'
		WHEN t.ending IN ('xls', 'xlsx', 'csv', 'ods', 'tsv') THEN 'SPREADSHEET'
		WHEN t.ending IN ('ppt', 'pptx', 'odp') THEN 'PRESENTATION'
		WHEN t.ending IN ('pdf', 'doc', 'docx', 'txt', 'rtf', 'odt', 'md', 'html', 'htm', 'xml') OR t.type IN ('application/pdf', 'text/plain') THEN 'TEXT_DOCUMENT'
		ELSE 'OTHER'
	END
	FROM (SELECT lower(content_type) AS type, lower(substring(name FROM '\.([A-Za-z0-9]+)$')) AS ending) t
$$;
COMMENT ON FUNCTION flitmig._file_category(text, text) IS 'Twenty''s category of a file';

CREATE FUNCTION flitmig._attachment_payload(mig integer, payload jsonb, u flitmig.upload) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object('name', u.name) || payload || CASE
		WHEN u.file_ref ? 'path' THEN
			jsonb_build_object('fullPath', u.file_ref -> 'path')
			|| CASE WHEN jsonb_path_exists((flitmig._live_field(mig, 'attachment', 'fileCategory')).options, '$[*] ? (@.value == $v)',
										   jsonb_build_object('v', flitmig._file_category(u.content_type, u.name)))
					THEN jsonb_build_object('fileCategory', flitmig._file_category(u.content_type, u.name)) ELSE '{}' END
		WHEN u.file_ref ? 'fileId' THEN jsonb_build_object('file', jsonb_build_array(jsonb_build_object('fileId', u.file_ref -> 'fileId', 'label', u.name)))
		ELSE '{}'
	END
$$;
COMMENT ON FUNCTION flitmig._attachment_payload(integer, jsonb, flitmig.upload) IS 'An attachment as it goes out: its payload with what the server calls the uploaded file';
