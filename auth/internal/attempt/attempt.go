// Package attempt names the authenticator in the refusals that it returns, so
// that metrics can count failures by the kind of credential.
package attempt

import (
	"log/slog"
	"slices"

	"github.com/bulwark-go/bulwark"
)

// Key is the attribute of an event that holds the method. The key "method" is
// the HTTP method of the record.
const Key = "authMethod"

// Attr returns the attribute for a method, such as "jwt".
func Attr(name string) slog.Attr { return slog.String(Key, name) }

// Mark returns err with the method in the attributes of its event. The method
// is the word that the authenticator also gives to its callers. It never comes
// from the request. Mark copies the problem, because requests may share it. Any
// other error, a problem that is already marked, and a missing credential are
// returned as they are.
func Mark(err error, name string) error {
	p, ok := err.(*bulwark.Problem)
	if !ok || p == nil || !counted(p.Log.Event) || slices.ContainsFunc(p.Log.Attrs, marks) {
		return err
	}
	marked := *p
	marked.Log.Attrs = append(slices.Clip(p.Log.Attrs), Attr(name))
	return &marked
}

// counted reports the events of a credential that was not accepted, or could
// not be checked.
func counted(event bulwark.EventName) bool {
	return event == bulwark.AuthnTokenInvalid || event == bulwark.AuthnTokenReuse || event == bulwark.SysUnavailable
}

func marks(attr slog.Attr) bool { return attr.Key == Key }
