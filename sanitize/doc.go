// Package sanitize takes markup, control characters and bidirectional overrides
// out of chosen strings of a request, before anything else looks at them.
//
// [New] makes a [Middleware] of a [Config]. Its [Fields] name strings, each
// with a [Policy]: [Reject], [Text], [Strict], [UGC], or one made with
// [Custom]. [String] applies a policy to one string in a handler.
//
// # Threat
//
// A value that is stored today is shown tomorrow: in a page, a mail or a log
// that somebody else wrote. Markup in the value becomes a script in another
// user's browser. Control characters forge lines of a log. Bidirectional
// overrides make a file name or a line of code read as something else.
//
// # Defence
//
// Each string that the Config names goes through its policy:
//
//   - Reject refuses a string with markup in it. It is the best choice for most
//     fields.
//   - Text makes plain text of a string and changes nothing else in it.
//   - UGC makes safe HTML of the HTML that users write.
//   - Strict escapes a string for HTML.
//
// Every policy normalises first: valid UTF-8, no control characters, no
// bidirectional overrides, Unicode Normalization Form C. A policy of this
// package leaves its own result unchanged.
//
// The middleware stands outside of validation, because a string can become too
// short when markup is removed. Both share one decoding of the body, so the
// handler gets exactly the values that were checked. Only the tokens of changed
// strings are written anew: order, numbers and white space of the body stay. A
// string that is not named is never changed. A field of a form that is named is
// clean wherever the handler reads it: r.FormValue looks into the query too, so
// a request that has such a field in the other part is refused.
//
// The Examples show a document with a title and a content, each policy, why
// unescaping the result of an HTML sanitizer is a mistake, and a query.
//
// # Not covered
//
//   - Sanitizing input is a second line of defence. The first line is to escape
//     text where it is put into a page, a query, a command or a log, each in
//     its own way. Text makes nothing safe inside of an HTML attribute or a
//     script: "javascript:alert(1)" is text, not a URL, to it.
//   - UGC keeps ids, which can shadow variables of the scripts of a page. It
//     also keeps images, which tell their server who reads. A Content Security
//     Policy bounds both.
//   - Names of fields and parameters, path values, header fields, multipart
//     bodies, and values that are encoded once more (base64, JSON in a string)
//     are not looked at.
//   - A program that folds compatibility characters afterwards (NFKC) makes new
//     ASCII characters, "<" among them. It must sanitize after folding.
//   - Policies are about HTML. They know nothing of injection into SQL, a shell
//     or a template.
//
// # Errors
//
//   - 400 "sanitize.markup", "sanitize.control", "sanitize.bidi" and
//     "sanitize.encoding": Reject refuses a string. The errors list up to 20 of
//     them, each with a pointer and a code, and never with the value.
//   - 400 "sanitize.length": a value is longer than JSON.MaxStringBytes of the
//     Config, which is 64 KiB for HTML where nothing is said. See the field for
//     what a long string in a JSON body is.
//   - 422 "sanitize.spelling": a name in the body differs from a name in Fields
//     only by case.
//   - 400 "sanitize.malformed_query" and "sanitize.malformed_form": a
//     semicolon, or a percent sign that does not begin an escape.
//   - 400 "body.ambiguous_parameter": a named field stands in the query, or a
//     named parameter of the query stands in a form.
//   - 500 "sanitize.unconfigured": the Middleware was made without New.
//   - 400 "body.malformed", "body.too_complex" and "body.incomplete", 408
//     "body.timeout", 413 "body.too_large", 415 "body.unsupported_media_type"
//     and "body.unsupported_encoding": the body cannot be read within its
//     limits.
package sanitize
