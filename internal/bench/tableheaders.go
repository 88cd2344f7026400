package bench

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/internal/response"
	"github.com/unrolled/secure"
)

// watchedName is what the first layer of a chain installs for all, and what
// ours is measured on top of. It is new for each request: headers would take a
// second request in the same scope for a sub-request.
const watchedName = "a scope and a watched writer"

var watching = bulwark.LayerFunc(func(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = bulwark.Enter(r)
		w, _ = response.Of(w)
		next.ServeHTTP(w, r)
	})
})

// watched is a handler inside a scope and a watched writer.
func watched(name, base string, load Workload, build func() (http.Handler, error)) Case {
	return handled(name, base, func() (http.Handler, error) {
		h, err := build()
		if err != nil {
			return nil, err
		}
		return watching(h), nil
	}, load)
}

func watchedAlone() Case {
	return watched(watchedName, "", Workloads()[0], func() (http.Handler, error) { return nothing, nil })
}

// assigned is a handler that puts fields into the map and allocates nothing for
// their values: what the map alone costs.
func assigned(name string, layer bulwark.Builder, load Workload) Case {
	return watched(name, watchedName, load, func() (http.Handler, error) {
		h, err := wrapped(layer)
		if err != nil {
			return nil, err
		}
		sample := load.Driver(h, Token())
		defer sample.Close()
		_, header, _ := sample.Answer()
		all := fieldsOf(header)
		values := make([][]string, len(all))
		for i := range all {
			values[i] = []string{all[i].value}
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			for i := range all {
				h[all[i].name] = values[i]
			}
			nothing(w, r)
		}), nil
	})
}

// headersTable measures the fields of an API.
func headersTable() Table {
	const name, byHand = "bulwark headers, API", "the same fields, assigned by hand"
	load := Workloads()[0]
	return Table{
		Name: "Response headers: an API", Ours: name,
		Note: "Net of a handler without layers, and for ours of a scope and a watched writer as well, which a chain installs once.",
		Cases: []Case{
			bare(), watchedAlone(), assigned(byHand, headers.Config{}, load),
			watched(name, watchedName, load, func() (http.Handler, error) { return wrapped(headers.Config{}) }),
			handled("unrolled/secure", bareName, func() (http.Handler, error) { return unrolled().Handler(nothing), nil }, load),
		},
		Musts: []Must{
			ratio("≤ 1/5 of unrolled/secure", name, "unrolled/secure", 1.0/5),
			allocs("≤ 1 allocation beyond those of the map", name, byHand, 1),
		},
	}
}

// pageTable measures the fields of a page with a nonce.
func pageTable() Table {
	const name, byHand = "bulwark headers, HTML with a nonce", "the same fields, assigned by hand"
	load, page := Workloads()[0], headers.Config{Preset: headers.HTML}
	return Table{
		Name: "Response headers: a page with a nonce", Ours: name,
		Cases: []Case{
			bare(), watchedAlone(), assigned(byHand, page, load),
			watched(name, watchedName, load, func() (http.Handler, error) { return wrapped(page) }),
			handled("unrolled/secure with a nonce", bareName, func() (http.Handler, error) {
				return secure.New(secure.Options{
					AllowedHosts: []string{host}, STSSeconds: 63072000, STSIncludeSubdomains: true,
					FrameDeny: true, ContentTypeNosniff: true, ReferrerPolicy: "no-referrer",
					ContentSecurityPolicy:   "default-src 'self'; script-src 'strict-dynamic' $NONCE; object-src 'none'; base-uri 'none'",
					CrossOriginOpenerPolicy: "same-origin", CrossOriginEmbedderPolicy: "require-corp", CrossOriginResourcePolicy: "same-origin",
					PermissionsPolicy: "camera=(), microphone=(), geolocation=()",
				}).Handler(nothing), nil
			}, load),
		},
		Musts: []Must{
			ratio("≤ 1/4 of unrolled/secure", name, "unrolled/secure with a nonce", 1.0/4),
			allocs("≤ 5 allocations beyond those of the map", name, byHand, 5),
		},
	}
}

// corsTable measures each kind of request beside rs/cors with the same options.
func corsTable() Table {
	t := Table{Name: "CORS: beside rs/cors", Note: "Our layer stands on rs/cors. Net of a handler without layers; ours inside a scope, which a chain installs once.",
		Cases: []Case{bare()}}
	get := Workloads()[0]
	actual := Workloads()[1]
	preflight := Workload{Name: "preflight", Method: "OPTIONS", Path: "/documents/42", Origin: origin, Header: http.Header{
		"Access-Control-Request-Method": {"PUT"}, "Access-Control-Request-Headers": {"authorization,content-type"}}}
	for _, kind := range []struct {
		name string
		load Workload
	}{{"no Origin", get}, {"actual request", actual}, {"preflight", preflight}} {
		ours, theirs := "bulwark cors, "+kind.name, "rs/cors, "+kind.name
		t.Cases = append(t.Cases,
			inside(ours, corsConfig(), kind.load),
			handled(theirs, bareName, func() (http.Handler, error) { return rsCORS().Handler(nothing), nil }, kind.load))
		t.Musts = append(t.Musts,
			ratio(kind.name+": ≤ 1.5×", ours, theirs, 1.5),
			allocs(kind.name+": ≤ 2 allocations more", ours, theirs, 2))
	}
	return t
}
