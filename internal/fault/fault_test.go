package fault_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/fault"
)

func TestList(t *testing.T) {
	faults := fault.In("jwt")
	if faults.Err() != nil {
		t.Error("an empty list is an error")
	}
	inner := errors.New("inner")
	faults.Add("Issuer", "", "is empty; name it")
	faults.AddAt("Algorithms", 2, "none", "is not an algorithm")
	faults.Add("", "x", "is wrong as a whole")
	faults.Join(nil)
	faults.Join(inner)
	err := faults.Err()
	want := "jwt.Issuer: is empty; name it\njwt.Algorithms[2]: none: is not an algorithm\njwt: x: is wrong as a whole\ninner"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if !errors.Is(err, inner) {
		t.Error("a joined error is lost")
	}
	nested := fault.In("authz.Mux(POST /users)")
	nested.Add("layers[1]", "", "is nil")
	nested.Add("[0]", "", "is nil")
	if got := nested.Err().Error(); got != "authz.Mux(POST /users).layers[1]: is nil\nauthz.Mux(POST /users)[0]: is nil" {
		t.Errorf("paths %q", got)
	}
}

// Renamed changes the first word of the paths, and no other text. It leaves the
// errors as they are, because several Configs may share them.
func TestRenamed(t *testing.T) {
	shared := fault.In("jwt.Keys")
	shared.AddAt("", 1, "x", "jwt is wrong")
	shared.Add("URL", "", "is missing")
	inner := errors.New("jwt: inner")
	faults := fault.In("jwt")
	faults.Add("", "", "is wrong as a whole")
	faults.Join(shared.Err())
	faults.Join(inner)
	faults.Join(&bulwark.ConfigError{Field: "jwtx.Keys", Reason: "is of another package"})
	faults.Join(&bulwark.ConfigError{Field: "jwt(signer).Key", Reason: "has a name"})
	before := faults.Err().Error()
	renamed := fault.Renamed(faults.Err(), "jwt", "jwt(https://a.example)")
	want := "jwt(https://a.example): is wrong as a whole\n" +
		"jwt(https://a.example).Keys[1]: x: jwt is wrong\njwt(https://a.example).Keys.URL: is missing\n" +
		"jwt: inner\njwtx.Keys: is of another package\njwt(signer).Key: has a name"
	if renamed.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", renamed, want)
	}
	if faults.Err().Error() != before || !errors.Is(renamed, inner) {
		t.Errorf("the errors have changed: %v", faults.Err())
	}
	if err := fault.Renamed(nil, "jwt", "x"); err != nil {
		t.Errorf("nothing is %v", err)
	}
}

func TestUnmadeIsAnOpaque500(t *testing.T) {
	var rec bulwarktest.Recorder
	w := httptest.NewRecorder()
	rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, fault.Unmade("jwt", "New"))
	})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
	if events := rec.Take(); len(events) != 1 || events[0].Reason != "jwt.unconfigured" {
		t.Errorf("events %+v", events)
	}
}

func TestIsNil(t *testing.T) {
	var pointer *int
	var function func()
	var object map[string]int
	var list []int
	var channel chan int
	for name, v := range map[string]any{"nil": nil, "pointer": pointer, "func": function, "map": object, "slice": list, "chan": channel} {
		if !fault.IsNil(v) {
			t.Errorf("%s is not nil", name)
		}
	}
	for name, v := range map[string]any{"int": 0, "pointer": new(int), "struct": struct{}{}, "func": func() {}} {
		if fault.IsNil(v) {
			t.Errorf("%s is nil", name)
		}
	}
}
