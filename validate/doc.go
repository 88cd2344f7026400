// Package validate holds requests against JSON Schemas (draft 2020-12): the
// JSON body, the query, the wildcards of the route and header fields. What
// passes is exactly what the handler gets; everything else is refused with a
// list of all faults.
//
// # Threat
//
// A handler believes what it decodes. It then meets fields that nobody meant to
// accept ("role": "admin", mass assignment), numbers where it expects text,
// strings of a megabyte, e-mail addresses with line breaks in them, two
// spellings of one name of which it reads one and the database the other, and
// documents built to be expensive: deep, wide, or ambiguous for an alternative
// within a circle of references. Schemas fail quietly, too: most validators
// pass over a misspelled keyword or an unknown format.
//
// # Defence
//
// The body is read once, within limits on size, time, nesting and number, as
// strict JSON (see the codes body.too_large, body.unsupported_media_type,
// body.malformed and body.too_complex). Then the schema decides:
//
//   - Properties that no schema describes are refused, on every object, after
//     all schemas that apply to it: what allOf and $ref bring in counts
//     together. A name that differs only by case from one that any schema of
//     the object declares, requires or depends on, in whatever branch and
//     whether that branch holds, is refused however open the schemas are: a
//     rule about "kind" is not evaded by "KIND".
//   - Formats are asserted: email, uri, uuid, date-time, date, ipv4, ipv6,
//     hostname and byte (base64), all in strict readings, and yours.
//   - Defaults are filled in first, through properties, items, prefixItems,
//     allOf and $ref, each schema once for each object or array. Not through
//     anyOf, oneOf and if, where it depends on the value which schema applies.
//   - Query, path and header values are read by their declared type: integers
//     and numbers in plain decimal, booleans as true and false. An unknown or
//     repeated query parameter is refused.
//   - Filling in defaults and checking share a bounded number of steps,
//     whatever the schema and the document make of each other; see [Limits].
//     Beyond it the answer is 400 "validate.too_complex". A string beyond
//     maxLength is not held against pattern and format, so that a maxLength
//     beside a pattern bounds what one string costs; in an array each item
//     costs as much again. Functions of Config.Formats are not counted: they
//     must be quick.
//
// A refusal is a 422 "validate.invalid" with one entry in errors for each
// fault: where it is (in, and a JSON pointer), a stable code, the rule's
// parameters, and a sentence. They are sorted, the same on every run, and never
// contain a submitted value; only names of submitted properties stand in
// pointers, which end at the parent where they would be longer than 256 bytes.
// The codes are required, unknown, repeated, type, const, enum, format,
// pattern, min_length, max_length, minimum, maximum, exclusive_minimum,
// exclusive_maximum, multiple_of, min_items, max_items, unique_items,
// min_contains, max_contains, min_properties, max_properties, property_name,
// dependent_required, forbidden, not, any_of, one_of and schema.
//
// The schema is read as strictly at [New]: misspelled and foreign keywords,
// unknown formats, patterns that do not compile, keywords that never apply to
// the declared type, and defaults that their own schema refuses, or that a
// query or header cannot say, are errors then.
//
// # Defaults and what is behind
//
// The handler's request carries what was checked: its Body yields the bytes
// again, written anew where defaults were filled in, with Content-Length to
// match and digests of the old bytes removed; defaults of query and header are
// added to both. [BodyAs], [QueryAs], [PathAs] and [HeaderAs] give the checked
// values themselves.
//
// # Not covered
//
// Names are compared without case with declared ones alone: those that only a
// patternProperties expression, propertyNames or an object in const or enum
// speaks of are not. Write "(?i)" there, or "additionalProperties": false.
//
// A schema knows nothing of rights: who may set which property is for package
// authz. Markup within strings is for package sanitize, which stands outside,
// so that lengths count what is left. contentEncoding and contentMediaType,
// which are descriptions, are refused in schemas; patterns are those of package
// regexp, without lookahead and back-references. Parameters that hold objects,
// forms, and compressed or multipart bodies are not read. What a $ref to the
// draft's own meta-schema describes is left to the schema library, whose steps
// are not counted; the limits on the document hold. A $ref leads to the same
// document or to files given with [SchemaFS], never to a network.
package validate
