// Package sanitize takes markup, control characters and bidirectional overrides
// out of chosen strings of a request before anything else looks at them.
//
// # Threat
//
// A value that is stored today is shown tomorrow, in a page, a mail or a log
// that somebody else wrote. Markup in it becomes a script in another user's
// browser; control characters forge log lines; bidirectional overrides make a
// file name or a line of code read as what it is not.
//
// # Defence
//
// Each string that a [Config] names goes through a [Policy]. [Reject] refuses
// it and is the best choice for most; [Text] makes plain text of it and changes
// nothing else; [UGC] makes safe HTML of the HTML that users write; [Strict]
// escapes it for HTML. All normalise first: UTF-8, no control characters, no
// bidirectional overrides, Unicode Normalization Form C. All but [Custom] ones
// leave their own result alone.
//
// A middleware stands outside of validation, as what it takes out may make a
// string too short, and shares its decoding of the body: the handler gets
// exactly what was checked. Only the tokens of changed strings are written
// anew; order, numbers and white space of the body survive. What is not named
// is never touched.
//
// # What it does not cover
//
// Sanitizing input is a second line. The first is to escape text where it is
// put into a page, a query, a command or a log, each in its own way: Text makes
// nothing safe inside of an HTML attribute or a script, and
// "javascript:alert(1)" is text to it, not a URL. UGC keeps ids, which can
// shadow variables of a page's own scripts, and images, which tell their server
// who reads; a Content Security Policy bounds both. Names of fields and
// parameters, path values, header fields, multipart bodies, and values that are
// encoded once more (base64, JSON in a string) are not looked at. Whoever folds
// compatibility characters afterwards (NFKC) makes new ASCII of what was none,
// and must sanitize behind that.
//
// Policies know nothing of injection into anything but HTML.
package sanitize
