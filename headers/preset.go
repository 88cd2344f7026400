package headers

import "strconv"

// A Preset is a set of headers and their values, from which a [Config] departs
// where it says so.
type Preset int

const (
	// API is for services that answer with data, and the default:
	//
	//	Cache-Control: no-store
	//	Content-Security-Policy: default-src 'none'; frame-ancestors 'none'
	//	Cross-Origin-Resource-Policy: same-origin
	//	Referrer-Policy: no-referrer
	//	Strict-Transport-Security: max-age=31536000; includeSubDomains
	//	X-Content-Type-Options: nosniff
	//	X-Frame-Options: DENY
	//
	// These are seven with a reason: with Content-Type they are eight, and the
	// ninth key makes the map of a response's headers three times as expensive.
	API Preset = iota

	// HTML is for pages. Scripts run where they carry the nonce of the response
	// (see [Nonce]), and so do scripts that such a script loads. All else comes
	// from the page's own origin:
	//
	//	Cache-Control: no-store
	//	Content-Security-Policy: default-src 'self';
	//	    script-src 'nonce-…' 'strict-dynamic'; style-src 'self' 'nonce-…';
	//	    img-src 'self' data:; object-src 'none'; base-uri 'none';
	//	    form-action 'self'; frame-ancestors 'none';
	//	    upgrade-insecure-requests
	//	Cross-Origin-Embedder-Policy: require-corp
	//	Cross-Origin-Opener-Policy: same-origin
	//	Cross-Origin-Resource-Policy: same-origin
	//	Permissions-Policy: camera=(), geolocation=(), microphone=(), …
	//	Referrer-Policy: same-origin
	//	Strict-Transport-Security: max-age=31536000; includeSubDomains
	//	X-Content-Type-Options: nosniff
	//	X-Frame-Options: DENY
	//
	// Its referrer policy is not no-referrer, because browsers would then send
	// forms of the page itself with "Origin: null". Trusted types are an
	// option: CSP{RequireTrustedTypes: true}.
	HTML
)

// String returns the name of the preset.
func (p Preset) String() string {
	switch p {
	case API:
		return "API"
	case HTML:
		return "HTML"
	}
	return "Preset(" + strconv.Itoa(int(p)) + ")"
}

// set is what a preset stands for: the policy, what completes a policy that
// replaces it, and the values of the other headers.
type set struct {
	csp    CSP
	rest   CSP
	values [fields]string
}

// set returns a fresh copy, and false where there is no such preset.
func (p Preset) set() (set, bool) {
	s := set{rest: CSP{
		ObjectSrc:      []string{"'none'"},
		BaseURI:        []string{"'none'"},
		FormAction:     []string{"'self'"},
		FrameAncestors: []string{"'none'"},

		UpgradeInsecureRequests: true,
	}, values: [fields]string{
		cacheControl:       "no-store",
		resourcePolicy:     "same-origin",
		referrerPolicy:     "no-referrer",
		contentTypeOptions: "nosniff",
		frameOptions:       "DENY",
	}}
	switch p {
	case API:
		s.csp = CSP{DefaultSrc: []string{"'none'"}, FrameAncestors: []string{"'none'"}}
	case HTML:
		s.csp = CSP{
			DefaultSrc:              []string{"'self'"},
			ScriptSrc:               []string{"'nonce'", "'strict-dynamic'"},
			StyleSrc:                []string{"'self'", "'nonce'"},
			ImgSrc:                  []string{"'self'", "data:"},
			ObjectSrc:               []string{"'none'"},
			BaseURI:                 []string{"'none'"},
			FormAction:              []string{"'self'"},
			FrameAncestors:          []string{"'none'"},
			UpgradeInsecureRequests: true,
		}
		s.values[embedderPolicy] = "require-corp"
		s.values[openerPolicy] = "same-origin"
		s.values[referrerPolicy] = "same-origin"
		s.values[permissionsPolicy] = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), " +
			"fullscreen=(self), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), " +
			"publickey-credentials-get=(self), screen-wake-lock=(), usb=(), xr-spatial-tracking=()"
	default:
		return set{}, false
	}
	return s, true
}
