package relations

import (
	"encoding/base64"

	"github.com/bulwark-go/bulwark"
)

// engineID encodes a text as an id that OpenFGA and SpiceDB accept. Two texts
// never have the same id.
func engineID(text string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// userID is the id of a caller in the engine. It holds the Issuer and the
// Subject.
func userID(p *bulwark.Principal) string { return engineID(p.Key()) }
