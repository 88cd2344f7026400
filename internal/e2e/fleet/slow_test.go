package fleet_test

import (
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/engine"
)

// A process that has read a key, and gets the answer of its engine much later,
// does not undo what another process has done meanwhile.
func TestSlowProcessUndoesNothing(t *testing.T) {
	for _, name := range []string{"redis", "postgres"} {
		t.Run(name, func(t *testing.T) {
			in := run(t, name)
			direct := start(t, 1, in.setup)[0]
			proxy, err := engine.NewProxy(in.server.Addr(), 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(proxy.Close)
			behind := in.setup
			behind.Addrs, behind.DSN = []string{proxy.Addr()}, strings.Replace(in.DSN, in.server.Addr(), proxy.Addr(), 1)
			slow := start(t, 1, behind)[0]

			first := issuedOf(t, direct.ask("POST", "/keys", ""))
			must(t, slow.me(first.Key), 200)
			proxy.SetFault(engine.HoldReplies)
			late := make(chan answer, 1)
			go func() { late <- slow.ask("POST", "/keys/rotate?overlap=1h&id="+first.ID, "") }()
			eventually(t, "the engine has answered the slow process", func() bool { return proxy.Held() > 0 })
			second := issuedOf(t, direct.ask("POST", "/keys/rotate?id="+first.ID, ""))
			proxy.SetFault(engine.Pass)
			third := issuedOf(t, <-late)

			for _, w := range []*worker{direct, slow} {
				for _, key := range []struct {
					what, text string
					want       int
				}{{"ended", first.Key, 401}, {"second", second.Key, 200}, {"third", third.Key, 200}} {
					if a := w.me(key.text); a.status != key.want {
						t.Errorf("the %s secret is %d, want %d", key.what, a.status, key.want)
					}
				}
			}
		})
	}
}
