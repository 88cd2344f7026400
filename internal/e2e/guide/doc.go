// Package guide holds docs/from-the-guide.md to what happens.
//
// The page puts each fragment of the guide beside ours. theirs.js runs the
// fragments of the guide with the packages that the guide names: express,
// jsonwebtoken, joi, sanitize-html, express-rate-limit, helmet and cors. The
// tests send the same requests to both and compare the statuses, the header
// fields and the bodies: what the page calls equal, and what it calls stricter.
//
//	npm ci && go test .
//
// The tests are skipped where Node.js or these packages are missing. Where
// BULWARK_BROWSER is "required", they fail.
package guide
