// Package body reads the body of a request once, within limits, for whichever
// layer comes first; the layers inside and the handler get what was read, from
// its first byte.
//
// # Threat
//
// A body is the largest thing that a stranger may hand to a service: endless,
// slow, compressed a thousandfold, of another type or character set than the
// reader thinks, deeply nested, or understood differently by two readers of the
// same request. Two layers that each read it for themselves need not even see
// the same bytes.
//
// # Defence
//
// [Read] takes the bytes up to a limit and a deadline, refuses content codings
// and media types that were not asked for, and decodes JSON through
// internal/jsondoc. The bytes and their value travel as the request's Body
// itself, and not beside it: whoever replaces r.Body, for a sub-request or with
// a reader of its own, thereby drops the value that belongs to the old one.
//
// Every refusal is a *bulwark.Problem with a code that begins with "body." and
// holds nothing of what was submitted.
//
// # Not covered
//
// Content codings are refused, gzip included, and a multipart body is bytes
// like any other. The memory that all requests together take is a matter for
// limits on concurrency.
package body
