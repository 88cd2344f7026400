// Package sanitize removes markup, control characters and characters that
// change the direction of text from chosen strings of a request. The layer does
// so before package validate and the handler read these strings.
//
// [New] makes a [Middleware] of a [Config]. Each entry of its [Fields] names
// strings and gives them a [Policy]: [Reject], [Text], [Strict], [UGC], or a
// policy made with [Custom]. [String] applies a policy to one string in a
// handler. [Detect] of the Config reports or refuses requests that look like an
// attack.
//
// # Threat
//
// A value that is stored today is shown later by another program: in a page, in
// a mail, or in a log. Markup in the value becomes a script in the browser of
// another user. Control characters forge lines of a log. Characters that
// change the direction of text make a file name or a line of code look like
// another one.
//
// # Defence
//
// Name the strings, choose a policy for each, and put the layer outside of the
// layer of package validate (valid, below):
//
//	clean := bulwark.Must(sanitize.New(sanitize.Config{
//		Fields: sanitize.Fields{
//			"/title":   sanitize.Text, // plain text
//			"/content": sanitize.UGC,  // HTML
//			"/tags/*":  sanitize.Reject,
//		},
//		Query: sanitize.Fields{"q": sanitize.Text},
//	}))
//	mux.Handle("POST /documents", clean.Wrap(valid.Wrap(createDocument)))
//
// The handler reads the request as before: r.Body, r.URL.Query, r.FormValue, or
// BodyAs and QueryAs of package validate.
//
// The Examples show this service (package), the policies (String), why it is a
// mistake to unescape the result of an HTML sanitizer (String, Incorrect), a
// policy of your own (Custom), a query (Middleware.Clean), a Config that [New]
// refuses (New, Incorrect), and how attacks are reported (Detect) or refused
// (Detect, Reject).
//
// The policies:
//
//   - [Reject] refuses a string with markup. It is the best choice for most
//     fields.
//   - [Text] takes plain text and returns plain text. It removes markup and
//     changes nothing else.
//   - [UGC] takes the HTML that users write and returns safe HTML.
//   - [Strict] takes HTML and returns HTML without any tag. Its text is
//     escaped.
//
// Every policy first normalises the string: valid UTF-8, no control characters,
// no characters that change the direction of text, Unicode Normalization Form
// C. If a policy of this package is applied to its own result, the result does
// not change.
//
// The layer stands outside of validate, because a string can become too short
// when its markup is removed. So validate checks the string that the handler
// gets. The two layers share one decoding of the body.
//
// What changes in a request:
//
//   - A string that is not named is never changed. Passwords, tokens and
//     signatures arrive as they were sent.
//   - Only changed strings are written again. The order, the numbers and the
//     white space of the body stay as they were.
//   - A named field of a form is clean for every reader of the request. A
//     request that has the field in the query is refused, because r.FormValue
//     also reads the query.
//
// Detect looks for suspicious payloads. It is off by default:
//
//	watch := sanitize.Config{Detect: sanitize.DetectReport}
//
// The layer then examines each string of a JSON body, each name and value of an
// urlencoded form and of the query, and the path. It examines the strings as
// they were sent and decoded, before a policy changes them. The rules:
//
//   - "sqli": an injection into SQL. libinjection decides.
//   - "xss": a script or a tag that can run one. libinjection decides.
//   - "traversal": a path that leaves its directory, such as "../", also if it
//     is escaped twice. Or a file that attackers ask for, such as
//     "/etc/passwd".
//   - "template": an expression of a template, such as "{{7*7}}", "${jndi:", or
//     "<% %>". A bare name, such as "{{name}}", is not found.
//   - "nosql": a name that is an operator of MongoDB, such as "$where" in a
//     body or "x[$ne]" in a query.
//   - "crlf": a line break before a header field or a request line, in a query
//     or form. Any line break in a path.
//   - "unreadable": a rule has failed on the string.
//
// The first rule that finds a string is reported. The event is "malicious_sqli"
// for the rule "sqli", and "malicious_extraneous" for the others. Its Rule is
// the rule, and its Reason is "sanitize.suspicious". Its attributes:
//
//   - "in" is the part of the request: body, form, query or path.
//   - "pointer" is the JSON pointer or the name of the parameter. It is "*" if
//     the name has other characters than the names of parameters usually have,
//     or if another rule than "nosql" finds the name of the parameter.
//   - "fingerprint" is the fingerprint of libinjection for the rule "sqli". For
//     the other rules it is a hash, which is the same for the same string until
//     the process ends.
//   - "action" is "reported" or "rejected".
//
// The event and the answer never hold the string itself. But the path of the
// request is in every event, also if the payload is in the path.
//
// What is examined is bounded:
//
//   - Of a string, the first 4 KiB and the last 1 KiB are examined, if it is
//     longer than both together.
//   - Of a request, 64 KiB are examined. Only strings count that have a
//     character which one of the rules looks for.
//   - At most 8 findings of a request are reported, each rule once for each
//     place. The Count of the last event includes the others.
//
// # Not covered
//
//   - Detect is a smoke detector, not a wall. Attackers who know the rules get
//     around them, for example by a long text before the payload. Parameters of
//     SQL, escaped output and checked paths prevent the attacks. Detect says
//     that somebody tries.
//   - Detect also finds harmless text: a post about SQL, HTML with a style, or
//     "sleep(5)". So it reports by default, and DetectReject is for services
//     that take no such text. Config.DetectExcept takes out the fields that
//     hold code on purpose.
//   - Detect does not examine header fields, cookies, multipart bodies, bodies
//     with a Content-Encoding, and bodies without a Content-Type or of another
//     type.
//   - Sanitizing input is a second line of defence. The first line is to escape
//     text for the place where it is written: a page, a query, a command or a
//     log. Text makes no value safe for an HTML attribute or a script. Text
//     does not change "javascript:alert(1)", which is plain text, but a script
//     as the URL of a link.
//   - UGC keeps ids, which can shadow variables of the scripts of a page. UGC
//     also keeps images, whose server learns who reads the page. A Content
//     Security Policy limits both.
//   - The names of fields and parameters, path values, header fields, multipart
//     bodies, and values with a second encoding (base64, JSON in a string) are
//     not sanitized.
//   - A program that folds compatibility characters afterwards (NFKC) creates
//     new ASCII characters, "<" among them. Such a program must sanitize after
//     it folds.
//   - The policies are about HTML. They do not prevent injection into SQL, a
//     shell or a template. Detect reports some attempts.
//
// # Errors
//
//   - 400 "sanitize.markup", "sanitize.control", "sanitize.bidi" and
//     "sanitize.encoding": Reject refuses a string. The answer lists up to 20
//     of these strings, each with a pointer and a code. It never holds the
//     value.
//   - 400 "sanitize.length": a value is longer than Config.JSON.MaxStringBytes,
//     which is 64 KiB for HTML by default. A long string in a JSON body may be
//     "body.too_complex" instead; see Config.JSON.
//   - 400 "sanitize.suspicious": Config.Detect is DetectReject, and a rule
//     finds a string. The answer lists up to 8 of these strings, each with a
//     pointer and the rule as its code. There is an event for each.
//   - 422 "sanitize.spelling": a name in the body differs only by case from a
//     name in Fields.
//   - 400 "sanitize.malformed_query" and "sanitize.malformed_form": the query
//     or form has a semicolon, or a percent sign that does not begin an escape.
//   - 400 "body.ambiguous_parameter": a named field of a form is in the query,
//     or a named parameter of the query is in a form.
//   - 400 "body.malformed": the body is not strict JSON, or not a form.
//   - 400 "body.too_complex": the document exceeds a bound of Config.JSON.
//   - 400 "body.incomplete": the body ends early.
//   - 408 "body.timeout": the body takes longer than Config.BodyTimeout.
//   - 413 "body.too_large": the body is longer than Config.MaxBodyBytes.
//   - 415 "body.unsupported_media_type": the charset is not UTF-8, or the layer
//     does not read the type. Config.Fields reads JSON of a type in
//     Config.MediaTypes. Config.Form reads urlencoded forms.
//   - 415 "body.unsupported_encoding": the body has a Content-Encoding.
//   - 500 "sanitize.unconfigured": the Middleware was made without New.
//
// If a field of the Config decides a refusal, the attribute "error" of the
// event names the field. The events of "sanitize.suspicious" have the
// attributes above instead.
package sanitize
