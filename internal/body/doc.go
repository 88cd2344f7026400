// Package body reads the body of a request once, within limits, for the first
// layer that needs the body. The inner layers and the handler get the same
// bytes, from the first one.
//
// # Threat
//
// A body is the largest part of a request. It may be endless, slow, compressed
// a thousandfold, or deeply nested. Its type or character set may be another
// one than the reader expects. Two layers that each read the body may
// understand it differently, and may even see different bytes.
//
// # Defence
//
// [Read] reads the bytes up to a limit and a deadline. It refuses content
// codings, and media types that are not in its limits. It decodes JSON through
// internal/jsondoc.
//
// The bytes and their value are the Body of the request itself. A layer that
// replaces r.Body, for a sub-request or with its own reader, thereby removes
// the value of the old body.
//
// Every refusal is a *bulwark.Problem with a code that begins with "body.". It
// holds no submitted text.
//
// # Not covered
//
// Content codings are refused, gzip too. A multipart body is not decoded. The
// memory of all requests together is bounded by limits on concurrency, which
// are not part of this package.
package body
