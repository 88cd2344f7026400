package recipes

import (
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authztest"
)

func TestWhoSeesWhichField(t *testing.T) {
	people := newDirectory()
	mux := people.service(bulwark.Must(directoryPolicy()))
	walk := authztest.Walk{
		Callers: map[string]*bulwark.Principal{
			"alice, owner": personAs("alice", "user"),
			"nobody":       nil,
		},
		Values: func(authz.Route) map[string]string { return map[string]string{"id": "alice"} },
		Bodies: map[string]string{
			"PUT /people/{id}":   `{"name": "Al"}`,
			"PATCH /people/{id}": `{"name": "Al"}`,
		},
	}
	authztest.Fields(t, mux, walk, "testdata/people.golden")
}
