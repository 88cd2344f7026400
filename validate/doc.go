// Package validate checks requests against JSON Schemas (draft 2020-12): the
// JSON body, the query, the wildcards of the route, and header fields. The
// handler gets exactly the values that were checked. Any other request is
// refused with a list of its faults.
//
// # Threat
//
// A handler trusts the values that it decodes. An attacker sends:
//
//   - properties that the service does not expect, such as "role": "admin"
//     (mass assignment);
//   - numbers instead of text, strings of a megabyte, e-mail addresses with
//     line breaks;
//   - one name in two spellings, so that the handler reads the first value and
//     the database reads the second;
//   - documents that are expensive to check, because they are deep, wide, or
//     full of alternatives.
//
// A schema can have a mistake. Most validators ignore a misspelled keyword or
// an unknown format, without an error. The rule is then never applied.
//
// # Defence
//
// Write a schema for each part of the request. Wrap the handler. Read the
// checked values in the handler:
//
//	users := bulwark.Must(validate.New(validate.Config{
//		Body: validate.SchemaJSON(`{
//			"type": "object",
//			"required": ["name"],
//			"properties": {
//				"name": {"type": "string", "maxLength": 100},
//				"role": {"enum": ["user", "editor"], "default": "user"}
//			}
//		}`),
//		Path: validate.SchemaJSON(`{"properties": {
//			"id": {"type": "integer", "minimum": 1}
//		}}`),
//		Query: validate.SchemaJSON(`{"properties": {
//			"notify": {"type": "boolean", "default": true}
//		}}`),
//	}))
//	mux.Handle("PUT /users/{id}", users.Wrap(http.HandlerFunc(putUser)))
//
//	type User struct { // names match exactly: write the json tags
//		Name string `json:"name"`
//		Role string `json:"role"`
//	}
//
//	func putUser(w http.ResponseWriter, r *http.Request) {
//		user, err := validate.BodyAs[User](r) // with the default of role
//		if err != nil {
//			bulwark.Deny(w, r, err)
//			return
//		}
//		// Call validate.PathAs and validate.QueryAs in the same way.
//	}
//
// [SchemaFS] reads a schema from a file, such as one in an embed.FS. [HeaderAs]
// reads the checked header fields.
//
// The Examples show a sign-up with its faults (package), a PATCH (Patch,
// MergePatch), schemas in files (SchemaFS), a body with defaults (BodyAs), a
// page of a list (QueryAs), an id in the route (PathAs), a header field
// (HeaderAs), and mistakes: New (Incorrect) and BodyAs (Incorrect).
//
// The layer reads the body once and decodes it as strict JSON, within limits on
// its size, time, nesting and number of values. Then the schema decides:
//
//   - Unknown properties are refused in every object. A property is known if
//     any schema that applies to the object describes it, also through allOf
//     and $ref.
//   - A name that differs from a known name only by case is always refused,
//     also in a schema that allows additional properties. The known names are
//     all names that a schema of the object declares, requires or depends on,
//     in every branch of anyOf, oneOf, not and if. So "KIND" cannot evade a
//     rule about "kind".
//   - Every format is checked strictly. A value that passes also fits the Go
//     type of the format: [BodyAs] stores a date-time in a time.Time, and a
//     duration in a time.Duration.
//   - A readOnly property is refused, because only the service sets it (JSON
//     Schema Validation section 9.4). So "required" does not demand it; see
//     below.
//   - Rules about presence count only the properties that the client has sent,
//     and not defaults. These rules are required, dependentRequired,
//     dependentSchemas, minProperties, maxProperties and propertyNames, also
//     inside an if or a branch. Rules about values also apply to defaults.
//   - Config.MaxSteps bounds the work for the body, the query, the path and the
//     header, each by itself. The bound holds for every schema and every
//     document. Functions in Config.Formats are not counted and must be quick.
//   - A string that is longer than maxLength is not checked against pattern and
//     format. So a maxLength beside a pattern bounds the cost of one string. An
//     array has this cost for each of its items.
//
// A "required" and a readOnly property:
//
//   - The property is not required if the readOnly is in the schema with the
//     "required", or in a schema around it. A readOnly in another branch of
//     anyOf, oneOf or if has no effect on the "required".
//   - Inside not and if, the property stays required.
//   - The property stays required in a branch of anyOf or oneOf, if only
//     schemas around the branch make it readOnly, and the branch requires no
//     property that the client can send.
//
// Defaults:
//
//   - Defaults are filled in before the value is checked. A property may have a
//     default if only these keywords lead to the property: properties, items,
//     prefixItems, allOf and $ref.
//   - Defaults inside anyOf, oneOf and if are an error of New, because the
//     value decides which of their schemas applies.
//   - Defaults are not filled in for the method PATCH or for a merge patch. A
//     patch does not change a property that it does not name (RFC 7396). Other
//     rules, such as required, also apply to a patch. So give a PATCH its own
//     schema.
//   - If the body gets a default, the layer writes the body again, corrects
//     Content-Length, and removes digests of the old bytes. Defaults of query
//     parameters and header fields are added to the request.
//   - The handler can read r.Body from the start.
//
// Query, path and header:
//
//   - The text of a parameter is read as the type that the schema declares for
//     it. Numbers are plain decimals. Booleans are true and false.
//   - An unknown query parameter is refused. A repeated query parameter is
//     refused, unless its schema declares an array that is written by
//     repeating; see Config.Query.
//   - A form in the body that holds a parameter of the query is refused,
//     because r.FormValue prefers the body.
//   - A request whose Connection names a described header field is refused,
//     because a proxy removes this field.
//
// Keywords that are checked:
//
//   - of every value: type, enum, const, allOf, anyOf, oneOf, not, if, then,
//     else, readOnly;
//   - of objects: properties, patternProperties, additionalProperties,
//     unevaluatedProperties, propertyNames, required, dependentRequired,
//     dependentSchemas, minProperties, maxProperties;
//   - of arrays: items, prefixItems, unevaluatedItems, contains, minContains,
//     maxContains, minItems, maxItems, uniqueItems;
//   - of strings: minLength, maxLength, pattern, format, contentEncoding (only
//     base64);
//   - of numbers: minimum, maximum, exclusiveMinimum, exclusiveMaximum,
//     multipleOf, format;
//   - references: $ref, $defs, $id, $anchor, $dynamicRef, $dynamicAnchor,
//     $schema.
//
// Formats:
//
//   - of strings: email, uri, uri-reference, uri-template, uuid, date-time,
//     date, time, duration, ipv4, ipv6, hostname, regex, json-pointer,
//     relative-json-pointer, byte (base64);
//   - of numbers: int8, int16, int32, int64, uint8, uint16, uint32, uint64,
//     float, double;
//   - without a check: password, binary;
//   - your own: Config.Formats.
//
// Keywords that only describe: default, title, description, examples,
// deprecated, writeOnly, $comment, contentMediaType, contentSchema, example,
// externalDocs, xml, discriminator, every name that begins with "x-", and
// keywords of editors such as markdownDescription and defaultSnippets. A
// default is also filled in, as described above.
//
// [New] refuses a schema with one of these mistakes, also in a document that a
// $ref leads to. The error names the place and what to write:
//
//   - text that is not strict JSON, such as a name that occurs twice;
//   - a misspelled or unknown keyword, also one of an older draft or of OpenAPI
//     3.0, such as definitions or nullable;
//   - an unknown format or contentEncoding;
//   - a pattern that does not compile;
//   - a keyword that never applies to the declared type, such as minLength
//     beside the type integer;
//   - a keyword that has no effect without another keyword, such as then
//     without if;
//   - two properties whose names differ only by case;
//   - a required property whose name is a misspelling of a declared one;
//   - a required property that no schema of the object describes, because the
//     object would always be refused (not with InsecureUnknownProperties);
//   - bounds, types or values that no value can meet, such as a minLength above
//     the maxLength;
//   - a default that its own schema refuses, that can never be filled in, or
//     that a query or header cannot hold;
//   - a $ref that leads to nothing, to a network, to a disk, or back to itself;
//   - a parameter whose type cannot be read from text.
//
// # Not covered
//
//   - The names in patternProperties, in propertyNames, and in objects of const
//     and enum are compared exactly: "KIND" is not "kind". Write "(?i)" in the
//     pattern, or "additionalProperties": false.
//   - A schema does not know who the caller is. Package authz decides who may
//     set which property.
//   - Markup in strings is not removed. Package sanitize removes it, in a layer
//     outside of validate: a string can become too short when its markup is
//     removed, so its length must be checked afterwards.
//   - Of contentEncoding, only the value base64 is checked. Its other values
//     only describe a string, as contentMediaType and contentSchema do.
//   - Patterns are those of package regexp. They have no lookahead and no
//     back-references.
//   - Parameters that hold objects, the fields of forms, and compressed bodies
//     are not checked.
//   - The work for a $ref to the meta-schema of the draft is not counted. The
//     limits on the document still apply.
//   - A $ref leads to the same document, or to files given with [SchemaFS]. It
//     never leads to a network.
//
// # Errors
//
// A value that a schema refuses is 422 "validate.invalid". The list "errors" in
// the answer has an entry for each fault, up to Config.MaxErrors. An entry has
// the members of [bulwark.FieldError]: the part of the request (in), the JSON
// pointer of the value, a stable code, the parameters of the rule, and a
// sentence. The entries are sorted and are the same on every run. They never
// hold a submitted value.
//
// A pointer can hold names that the client has sent. Control characters and
// characters that change the direction of text are written as \u and four
// digits. A pointer that would be longer than 256 bytes ends at the parent.
//
// The codes of the faults are:
//
//   - of every value: type, const, enum, not, any_of, one_of, forbidden,
//     read_only, schema;
//   - of properties: required, unknown, dependent_required, property_name,
//     min_properties, max_properties;
//   - of arrays: min_items, max_items, unique_items, min_contains,
//     max_contains;
//   - of strings: format, pattern, min_length, max_length;
//   - of numbers: minimum, maximum, exclusive_minimum, exclusive_maximum,
//     multiple_of, format;
//   - of parameters: repeated.
//
// The other refusals are:
//
//   - 400 "validate.too_complex": the check takes more than Config.MaxSteps, or
//     a query or header exceeds a bound of Config.JSON;
//   - 400 "validate.malformed_query": the query is not UTF-8, or is not made of
//     pairs of name and value;
//   - 400 "validate.malformed_path": the path is not UTF-8;
//   - 400 "validate.malformed_header": a header field is not UTF-8, or
//     Connection names a described field;
//   - 400 "body.ambiguous_parameter": a form holds a parameter of the query;
//   - 400 "body.required": Config.Body is set without Config.OptionalBody, and
//     the request has no body;
//   - 400 "body.malformed": the body is not strict JSON, or not the form that
//     its Content-Type names;
//   - 400 "body.too_complex": the document exceeds a bound of Config.JSON;
//   - 400 "body.incomplete": the body ends early;
//   - 408 "body.timeout": the body takes longer than Config.BodyTimeout;
//   - 413 "body.too_large": the body is longer than Config.MaxBodyBytes;
//   - 415 "body.unsupported_media_type": the type is not in Config.MediaTypes,
//     or the charset is not UTF-8;
//   - 415 "body.unsupported_encoding": the body has a Content-Encoding;
//   - 500 "validate.unchecked": the check itself failed;
//   - 500 "validate.unconfigured": the Middleware was made without New, or the
//     route does not have a path value that Config.Path describes.
//
// If a field of the Config decides a refusal, the attribute "error" of the
// event names the field. The attribute "first" of "validate.invalid" has the
// part of the request, the pointer and the code of the first fault. It has no
// pointer if the client has chosen a name in the pointer.
package validate
