package e2e

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// rules is axe-core, which knows what makes a page hard to use with a screen
// reader, a keyboard or bad eyes.
func rules(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		lacking(t, "axe-core is not installed, run npm ci in internal/e2e: %v", err)
	}
	return string(text)
}

// violations asserts that axe-core finds nothing, in the light and in the dark.
// Frames are left out: they run nothing, so that it cannot look inside.
func (p *tab) violations(state string) {
	p.t.Helper()
	p.eval(rules(p.t))
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		// What fades has arrived, so that no color between two is looked at.
		p.until(`document.getAnimations().length === 0`)
		found := run(p, chromedp.Evaluate[[]struct {
			ID, Help string
			Nodes    []struct{ HTML, FailureSummary string }
		}](`axe.run(document, { iframes: false, resultTypes: ["violations"] }).then(found => found.violations)`, chromedp.EvalAwaitPromise))
		for _, one := range found {
			text, _ := json.MarshalIndent(one, "", "  ")
			p.t.Errorf("%s, %s: %s", state, scheme, text)
		}
	}
	p.scheme("light")
}

// scheme sets the color scheme that the user prefers: "light" or "dark".
func (p *tab) scheme(name string) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
}
