package recipes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers/transport"
)

// An Order is what a client sends.
type Order struct{ Item string }

// takeOrder decodes a body without a layer. It reads the whole body first, so
// that a failed read and malformed JSON are two errors.
func takeOrder(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		bulwark.Deny(w, r, err) // 413, 408 or 400
		return
	}
	var order Order
	if err := json.Unmarshal(body, &order); err != nil {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusBadRequest, Code: "orders.malformed", Err: err})
		return
	}
	fmt.Fprintln(w, order.Item)
}

func TestJSONBody(t *testing.T) {
	for name, test := range map[string]struct {
		body   io.Reader
		status int
		code   string
	}{
		"good":      {strings.NewReader(`{"item":"tea"}`), 200, ""},
		"malformed": {strings.NewReader(`{"item":`), 400, "orders.malformed"},
		"too-large": {strings.NewReader(`{"item":"` + strings.Repeat("a", 2000) + `"}`), 413, "body.too_large"},
		"cut-off":   {io.MultiReader(strings.NewReader(`{"it`), iotest.ErrReader(io.ErrUnexpectedEOF)), 400, "body.incomplete"},
	} {
		t.Run(name, func(t *testing.T) {
			var events bulwarktest.Recorder
			stack := bulwark.Must(bulwark.Chain(&events, transport.MaxBodyBytes(1000)))
			w := httptest.NewRecorder()
			stack.Wrap(http.HandlerFunc(takeOrder)).ServeHTTP(w, httptest.NewRequest("POST", "/", test.body))
			got := events.Take()
			if w.Code != test.status || !bytes.Contains(w.Body.Bytes(), []byte(test.code)) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if test.code != "" && (len(got) != 1 || got[0].Reason != test.code || got[0].Name != bulwark.InputValidationFail) {
				t.Errorf("events %+v", got)
			}
		})
	}
}

// A decoder that reads by itself wraps the error of the body. A Problem around
// it keeps its status, so 413 becomes 400: the recipe reads first.
func TestJSONBodyOfADecoder(t *testing.T) {
	stack := bulwark.Must(bulwark.Chain(transport.MaxBodyBytes(1000)))
	handler := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := json.NewDecoder(r.Body).Decode(new(Order))
		var large *http.MaxBytesError
		if !errors.As(err, &large) {
			t.Errorf("%v does not wrap the error of the body", err)
		}
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusBadRequest, Code: "orders.malformed", Err: err})
	}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(`{"item":"`+strings.Repeat("a", 2000)+`"}`)))
	if w.Code != http.StatusBadRequest {
		t.Errorf("%d: the page need not warn of it", w.Code)
	}
}
