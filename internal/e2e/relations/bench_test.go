package relations

import (
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark"
)

// BenchmarkRead is a whole request for a document: of its owner, about whom the
// engine is not asked, and of a viewer, about whom it is.
func BenchmarkRead(b *testing.B) {
	owner, viewer := as(accounts, "owner"), as(accounts, "viewer")
	for _, engine := range []struct {
		name  string
		start func(testing.TB) *peer
	}{
		{"OpenFGA", func(t testing.TB) *peer { return startOpenFGA(t) }},
		{"SpiceDB", startSpiceDB},
	} {
		b.Run(engine.name, func(b *testing.B) {
			p := engine.start(b)
			p.add(b, relationship{object: document("plan"), relation: "viewer", subject: members("staff")})
			p.add(b, relationship{object: entity{kind: "group", id: "staff"}, relation: "member", subject: user(viewer)})
			api := serve(b, p, owned(owner, "plan"))
			for _, caller := range []*bulwark.Principal{owner, viewer} {
				b.Run(caller.Subject, func(b *testing.B) {
					for b.Loop() {
						if got, _ := ask(api, "GET", path("plan"), caller); got.Code != http.StatusOK {
							b.Fatal(got.Code)
						}
					}
				})
			}
		})
	}
}
