// Package validate holds requests against JSON Schemas (draft 2020-12): the
// JSON body, the query, the wildcards of the route, and header fields. The
// handler gets exactly the values that were checked. Every other request is
// refused with a list of its faults.
//
// [New] makes a [Middleware] of a [Config]. A [Schema] comes from a text
// ([SchemaJSON]) or from a file ([SchemaFS]). The handler reads the checked
// values with [BodyAs], [QueryAs], [PathAs] and [HeaderAs].
//
// # Threat
//
// A handler believes the values that it decodes. A hostile client sends:
//
//   - properties that nobody meant to accept, such as "role": "admin" (mass
//     assignment);
//   - numbers where the handler expects text, strings of a megabyte, and e-mail
//     addresses with line breaks in them;
//   - two spellings of one name: the handler reads the first and the database
//     reads the second;
//   - documents that are expensive to check: deep, wide, or with a choice
//     between alternatives on every level.
//
// Schemas fail quietly: most validators ignore a misspelled keyword or an
// unknown format, and the rule is then never applied.
//
// # Defence
//
// The body is read once and decoded as strict JSON, within limits on its size,
// time, nesting and number of values. Then the schema decides:
//
//   - Unknown properties are refused on every object. A property is known if
//     any schema that applies to the object describes it. Schemas that allOf
//     and $ref bring in count together.
//   - A name that differs from a known one only by case is always refused, also
//     where a schema allows additional properties. Known are the names that any
//     schema of the object declares, requires or depends on, in all branches of
//     anyOf, oneOf, not and if. So "KIND" does not evade a rule about "kind".
//   - Formats are asserted, each in a strict reading: email, uri,
//     uri-reference, uri-template, uuid, date-time, date, time, duration, ipv4,
//     ipv6, hostname, regex, json-pointer, relative-json-pointer, byte
//     (base64), and the formats in Config.Formats. int8 to int64, uint8 to
//     uint64, float and double bound numbers. password and binary describe.
//     What a format accepts, [BodyAs] can store in the Go type for it: a
//     date-time in a time.Time, a duration in a time.Duration.
//   - A readOnly property is refused: the service sets it, and not the client
//     (JSON Schema Validation section 9.4). Where a schema or the schemas
//     around it say that a property is readOnly, the property is not required.
//     What another branch of anyOf, oneOf or if says does not count. A
//     "required" in not or if asks what was sent.
//   - Defaults are filled in before the value is checked, through properties,
//     items, prefixItems, allOf and $ref. A default inside anyOf, oneOf or if
//     is an error at New, because the value decides which of their schemas
//     applies. Nothing is filled in for PATCH and for merge patches: what a
//     patch does not name, it leaves alone (RFC 7396).
//   - Rules about presence are decided on what was sent: required,
//     dependentRequired, dependentSchemas, minProperties and maxProperties,
//     also where they stand in an if or a branch. Else a default would fulfil a
//     rule about what the client says. Rules about values hold for defaults as
//     well.
//   - Values in a query, path or header are read by the type that any schema
//     declares for them. Numbers are plain decimals. Booleans are true and
//     false. An unknown or repeated query parameter is refused.
//   - A form in the body that holds a parameter of the query is refused,
//     because r.FormValue prefers the body. A request whose Connection names a
//     described header field is refused, because a proxy removes that field.
//   - The work for one value is bounded by Config.MaxSteps, whatever the schema
//     and the document are. A tree of alternatives costs its size, however its
//     branches are told apart. A string that is longer than maxLength is not
//     held against pattern and format. So a maxLength beside a pattern bounds
//     the cost of one string; an array costs that much for each of its items.
//     Functions in Config.Formats are not counted and must be quick.
//
// The schemas themselves are read as strictly, wherever a $ref leads. New
// refuses misspelled and foreign keywords, unknown formats, patterns that do
// not compile, and keywords that never apply to the declared type. New also
// refuses a default that its own schema refuses, that can never be filled in,
// or that a query or header cannot hold, and schemas that no value meets. The
// words of OpenAPI 3.1 and of editors that only describe are known, such as
// example, xml, discriminator and markdownDescription.
//
// The request that the handler gets carries the checked values: its Body yields
// the bytes again from the start. Where defaults were filled in, the bytes are
// written anew, Content-Length matches them, and digests of the old bytes are
// removed. Defaults of a query or header are added to it.
//
// The Examples show a sign-up with its faults, a body with defaults, a query of
// pages, and a schema that New refuses.
//
// # Not covered
//
//   - The names in patternProperties, propertyNames, and in objects of const
//     and enum are not compared without case. Write "(?i)" in the pattern, or
//     "additionalProperties": false.
//   - A schema knows nothing of rights. Package authz decides who may set which
//     property.
//   - Markup within strings is for package sanitize. It stands outside of
//     validate, so that lengths count the text that is left.
//   - contentEncoding is asserted for base64. Its other values,
//     contentMediaType and contentSchema only describe a value.
//   - Patterns are those of package regexp, without lookahead and
//     back-references.
//   - Parameters that hold objects, the fields of forms, and compressed bodies
//     are not checked.
//   - A $ref to the meta-schema of the draft is evaluated by the schema
//     library, whose steps are not counted. The limits on the document still
//     hold.
//   - A $ref leads to the same document, or to files given with [SchemaFS]. It
//     never leads to a network.
//
// # Errors
//
// A value that a schema refuses is 422 "validate.invalid". Its errors list each
// fault: where the value is (in, and a JSON pointer), a stable code, the
// parameters of the rule, and a sentence. The errors are sorted and are the
// same on every run. They never hold a submitted value. A pointer holds names
// that were submitted. Control characters and characters that change the
// direction of text are written in it as \u and four digits. Where a pointer
// would be longer than 256 bytes, it ends at the parent. The codes of the
// faults are required, unknown, repeated, type, const, enum, format, pattern,
// min_length, max_length, minimum, maximum, exclusive_minimum,
// exclusive_maximum, multiple_of, min_items, max_items, unique_items,
// min_contains, max_contains, min_properties, max_properties, property_name,
// dependent_required, forbidden, read_only, not, any_of, one_of and schema.
//
// The other refusals are:
//
//   - 400 "validate.too_complex": checking takes more than Config.MaxSteps, or
//     a query or header exceeds a bound of Config.JSON;
//   - 400 "validate.malformed_query", "validate.malformed_path" and
//     "validate.malformed_header": the text is not UTF-8, or not a query, or
//     Connection names a described field;
//   - 400 "body.ambiguous_parameter": a form holds a parameter of the query;
//   - 500 "validate.unchecked": the check itself failed, and the log has the
//     cause;
//   - 500 "validate.unconfigured": the Middleware was made without New;
//   - 400 "body.required", "body.malformed", "body.too_complex" and
//     "body.incomplete", 408 "body.timeout", 413 "body.too_large", 415
//     "body.unsupported_media_type" and "body.unsupported_encoding": the body
//     cannot be read within its limits.
package validate
