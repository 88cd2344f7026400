package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is how long a condition may take to come true. It is generous: on a
// machine that does other work, too, only a fault takes that long.
const patience = 90 * time.Second

// lacking skips a test that needs what this machine does not have. Where
// BULWARK_BROWSER is "required", as in .ci/run, it is a failure.
func lacking(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("BULWARK_BROWSER") == "required" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// built is the folder of the program, once it is needed.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

// documents builds the program whose page is looked at, once.
var documents = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "documents")
	if err != nil {
		return "", err
	}
	built = dir
	binary := filepath.Join(dir, "documents")
	build := exec.Command("go", "build", "-o", binary, "./examples/documents")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return binary, nil
})

// serve runs the program until the test ends, and returns where it is.
func serve(t *testing.T) string {
	t.Helper()
	binary, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-addr=127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, at, ok := strings.Cut(lines.Text(), "listening on "); ok {
			return at
		}
	}
	t.Fatal("the program did not say where it listens")
	return ""
}

// A tab is a page of a browser that has been nowhere else.
type tab struct {
	t     *testing.T
	url   string
	ctx   context.Context
	mu    sync.Mutex
	said  []string        // errors on the console
	marks map[string]bool // how far the console has been read
}

// visit shows the page of a program of its own in a browser of its own.
func visit(t *testing.T) *tab {
	t.Helper()
	p := browse(t)
	p.url = serve(t)
	p.open()
	return p
}

// browse starts a browser that has been nowhere.
func browse(t *testing.T, flags ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		lacking(t, "chromium is not installed: %v", err)
	}
	p := &tab{t: t, marks: map[string]bool{}}
	// A browser that does not start says nothing about the page. On a busy
	// machine it happens now and then.
	for range 3 {
		var started error
		if p.ctx, started = start(t, path, flags); started == nil {
			break
		}
		t.Logf("the browser does not start: %v", started)
	}
	return p
}

// start starts one browser, which ends with the test. The context is also good
// for finding out why a browser has not started.
func start(t *testing.T, path string, flags []chromedp.ExecAllocatorOption) (context.Context, error) {
	t.Helper()
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append([]chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(patience),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "en")}, flags...)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx, chromedp.Do(ctx)
}

// open opens the tab for as long as its context lives, and shows the page.
func (p *tab) open() {
	p.t.Helper()
	if err := chromedp.Do(p.ctx); err != nil {
		p.t.Fatal(err)
	}
	p.size(1100, 820)
	go p.listen(chromedp.Console(p.ctx))
	p.do(chromedp.Navigate(p.url))
	p.until(`document.documentElement.dataset.view !== "loading"`)
}

// listen keeps what the browser holds against the page: exceptions, errors and
// warnings, and refused requests as "401 /path".
func (p *tab) listen(said iter.Seq2[chromedp.ConsoleMessage, error]) {
	for one, err := range said {
		if err != nil {
			return // the tab is closed
		}
		text := one.Text
		if _, status, ok := strings.Cut(text, "responded with a status of "); ok {
			at, _ := url.Parse(one.URL)
			text = status[:3] + " " + at.Path
		}
		p.mu.Lock()
		switch one.Type {
		case chromedp.ConsoleException, chromedp.ConsoleError, chromedp.ConsoleWarning:
			p.said = append(p.said, text)
		case chromedp.ConsoleDebug:
			p.marks[text] = true
		}
		p.mu.Unlock()
	}
}

// console asserts what the browser has complained about since the last time.
func (p *tab) console(want ...string) {
	p.t.Helper()
	mark := fmt.Sprint("mark ", time.Now().UnixNano()) // what was said before it arrives before it
	p.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("console.debug(%q)", mark)))
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		p.mu.Lock()
		arrived := p.marks[mark]
		p.mu.Unlock()
		if arrived {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := strings.Join(p.said, "\n"); got != strings.Join(want, "\n") {
		p.t.Errorf("on the console:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	p.said = nil
}

// do carries actions out. What waits for an element that never comes fails, too.
func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// run returns the value of an action.
func run[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatal(err)
	}
	return value
}

// eval evaluates an expression of JavaScript.
func (p *tab) eval(expression string) {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](expression))
}

// text evaluates an expression into text.
func (p *tab) text(expression string) string {
	p.t.Helper()
	return run(p, chromedp.Evaluate[string](`String(`+expression+`)`))
}

// until waits for a condition. A page may give way to the next one while it is
// asked: then the next page is asked.
func (p *tab) until(condition string) {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		met, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`Boolean(`+condition+`)`))
		cancel()
		switch {
		case met:
			return
		case err != nil && !strings.Contains(err.Error(), "navigated or closed"):
			p.t.Fatal(err)
		}
		if time.Now().After(end) {
			p.shoot("stuck")
			p.t.Fatalf("never came true: %s\nthe page says:\n%s", condition, p.text(`document.body.innerText`))
		}
	}
}

// equal asserts the text of an expression.
func (p *tab) equal(expression, want string) {
	p.t.Helper()
	if got := p.text(expression); got != want {
		p.t.Errorf("%s is %q, want %q", expression, got, want)
	}
}

// focused waits until the element has the focus: a page moves it after what it
// has shown.
func (p *tab) focused(id string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.activeElement.id === %q`, id))
}

// fill types into the fields of a form, by name, as a person would.
func (p *tab) fill(form string, fields map[string]string) {
	p.t.Helper()
	for name, value := range fields {
		text, _ := json.Marshal(value)
		p.eval(fmt.Sprintf(`(() => { const field = document.forms[%q].elements[%q]; field.focus(); field.select();
			document.execCommand(%s === "" ? "delete" : "insertText", false, %s); return true; })()`, form, name, text, text))
	}
}

// click clicks on the first visible element of a selector, when the element has
// come to rest: a click goes to a place of the page, and a list that is being
// laid out has something else there a moment later.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`(() => {
		const box = [...document.querySelectorAll(%q)].map(one => one.getBoundingClientRect()).find(box => box.width > 0)
		const place = box && [box.x, box.y, box.width, box.height].join()
		const rests = box && window.restsAt === place
		window.restsAt = place
		return rests
	})()`, selector))
	p.do(chromedp.Click(selector, chromedp.NodeVisible))
}

// shoot keeps a picture of the whole page: in the folder that BULWARK_ARTIFACTS
// names, or with the artifacts of the test (go test -artifacts).
func (p *tab) shoot(name string) {
	p.t.Helper()
	dir := os.Getenv("BULWARK_ARTIFACTS")
	if dir == "" {
		dir = p.t.ArtifactDir()
	}
	file := filepath.Join(dir, p.t.Name()+"-"+name+".png")
	if err := os.WriteFile(file, run(p, chromedp.FullScreenshot(100)), 0o644); err != nil {
		p.t.Error(err)
	}
}

// size sets the window.
func (p *tab) size(width, height int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height))
}
