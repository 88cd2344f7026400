package claims

import "time"

// Bounds of the claim amr.
const (
	maxMethods     = 16
	maxMethodBytes = 64
)

// readMethods reads the claim amr (RFC 8176 section 2, OpenID Connect Core
// section 2): a list of strings. Some issuers write one string. It reports
// false for anything else, and beyond the bounds. An empty text names no
// method.
func readMethods(claim any) ([]string, bool) {
	methods, ok := StringList(claim)
	if !ok || len(methods) > maxMethods {
		return nil, false
	}
	kept := methods[:0]
	for _, method := range methods {
		if len(method) > maxMethodBytes {
			return nil, false
		}
		if method != "" {
			kept = append(kept, method)
		}
	}
	return kept, true
}

// factors returns how and when the caller proved who they are. The claim amr
// has no times of its own: the methods were used in the login that auth_time is
// about. Without auth_time the time of each is zero. The iat is not such a
// time: each refresh of the token moves it.
func (s *Set) factors() map[string]time.Time {
	if len(s.Methods) == 0 {
		return nil
	}
	all := make(map[string]time.Time, len(s.Methods))
	for _, method := range s.Methods {
		all[method] = s.AuthTime
	}
	return all
}
