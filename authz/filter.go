package authz

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Bounds of what engines are asked about one list.
const (
	maxBatch  = 1000 // queries in one call of a BatchEngine
	maxSingle = 100  // queries to an Engine that is not a BatchEngine, for one reach
)

// Filter returns the elements that are within the reach of a [HandleList]
// handler, in their order and in a new slice. It is for resources with Engines,
// where a query cannot find the objects of a reach:
//
//	found, err := documents.Filter(r, reach, candidates)
//	if err != nil {
//		bulwark.Deny(w, r, err)
//		return
//	}
//	authz.WriteList(w, r, reach, found)
//
// Elements that the policy does not reach are asked about together: a
// [BatchEngine] gets at most 1,000 queries in a call. An Engine that is not a
// BatchEngine is asked one by one. It can be asked about at most 100 elements;
// more are 500 "authz.unconfigured". The reach remembers the answers by
// [Resource.ID], so that Filter and [WriteList] do not ask about the same
// element again. An element that is denied is left out without an event.
//
// The error is for [bulwark.Deny]. It is 503 "authz.engine_unavailable" if an
// engine did not answer, or gave another number of answers. A part of a list is
// never returned. It is 500 "authz.unconfigured" if the reach is not the reach
// that the handler of this request was given.
//
// If the query has made a page before, a page of Filter may be short or empty,
// while later pages have elements. Do not send the number of elements that the
// query found, nor a count of pages: it tells how many objects exist that the
// caller may not see. Go on by a cursor, and read candidates until a page is
// full, up to a limit of your own.
func (res Resource[T]) Filter(r *http.Request, reach Reach, items []T) ([]T, error) {
	e, ok := reach.elements.(*elements[T])
	if !ok || !e.isOf(r) || e.resource.Name != res.Name {
		return nil, &bulwark.ConfigError{Field: "authz.Resource(" + res.Name + ").Filter",
			Reason: "was given a Reach that HandleList did not make for this request and this resource; pass on the reach that the handler was given"}
	}
	outside, err := e.outside(r, items)
	if err != nil {
		return nil, err
	}
	inside := make([]T, 0, len(items)-len(outside))
	for i, item := range items {
		if len(outside) > 0 && outside[0] == i {
			outside = outside[1:]
			continue
		}
		inside = append(inside, item)
	}
	return inside, nil
}

// outside returns the places of the elements that are not within the reach, in
// their order. An element that is nil is outside.
func (e *elements[T]) outside(r *http.Request, items []T) (places []int, err error) {
	var open []int
	for i, item := range items {
		switch {
		case nilable[T]() && fault.IsNil(item):
			places = append(places, i)
		case !e.resource.within(&e.pass, e.pass.check.number, item):
			open = append(open, i)
		}
	}
	if len(open) > 0 && len(e.resource.Engines) > 0 {
		open, err = e.consult(r, items, open)
	}
	places = append(places, open...)
	slices.Sort(places)
	return places, err
}

// consult asks the engines about the elements at these places that nobody has
// asked about yet. It returns the places of those that no engine allows.
func (e *elements[T]) consult(r *http.Request, items []T, open []int) (denied []int, err error) {
	number := e.pass.check.number
	set := e.resource.engineReaches(&e.pass, number)
	var queries []Query
	asked := map[string]bool{}
	ids := make([]string, len(open)) // "" is outside of every engine's reach
	for i, place := range open {
		q, ok := e.resource.query(&e.pass, number, items[place])
		if !ok || set == 0 {
			continue
		}
		ids[i] = q.ID
		if _, known := e.recall(q.ID); !known && !asked[q.ID] {
			asked[q.ID] = true
			queries = append(queries, q)
		}
	}
	if err := e.ask(r, set, queries); err != nil {
		return nil, err
	}
	for i, place := range open {
		if by, _ := e.recall(ids[i]); by == 0 {
			denied = append(denied, place)
		}
	}
	return denied, nil
}

// ask asks the engines of the reaches about all queries, and remembers what
// they say if every query has an answer.
func (e *elements[T]) ask(r *http.Request, set reaches, queries []Query) error {
	if len(queries) == 0 {
		return nil
	}
	in := inquire(r)
	defer in.end()
	found := make([]reaches, len(queries))
	open := len(queries)
	for i, name := range e.pass.table.reachNames[2:] {
		bit := reachCustom << i
		if set&bit == 0 || open == 0 {
			continue
		}
		var places []int
		part := make([]Query, 0, open)
		for j, q := range queries {
			if found[j] == 0 {
				q.Reach = name
				places, part = append(places, j), append(part, q)
			}
		}
		allowed, err := in.askEach(e.resource.Engines[name], part)
		if err != nil {
			return &bulwark.ConfigError{Field: "authz.Resource(" + e.resource.Name + ").Engines[" + name + "]", Reason: err.Error()}
		}
		for j, ok := range allowed {
			if ok {
				found[places[j]] = bit
				open--
			}
		}
	}
	if in.failed != nil && open > 0 {
		return in.outage(r, e.pass.check)
	}
	e.keep(queries, found)
	return nil
}

// askEach asks one engine about all queries. It returns nil if there is not an
// answer to each. The error is a mistake of the program.
func (in *inquiry) askEach(engine Engine, queries []Query) (allowed []bool, err error) {
	batch, ok := engine.(BatchEngine)
	if !ok && len(queries) > maxSingle {
		return nil, fmt.Errorf("is not a BatchEngine and would be asked about %d elements of a list one by one; give it a method DecideAll, or filter at most %d elements at once", len(queries), maxSingle)
	}
	if !ok {
		for _, q := range queries {
			v := in.ask(engine, q)
			if v == undecided {
				return nil, nil
			}
			allowed = append(allowed, v == passed)
		}
		return allowed, nil
	}
	for part := range slices.Chunk(queries, maxBatch) {
		if err := in.ctx.Err(); err != nil {
			in.fail(err)
			return nil, nil
		}
		decisions, err := decideAll(in.ctx, batch, part)
		if err == nil && len(decisions) != len(part) {
			err = fmt.Errorf("the engine gave %d decisions for %d queries", len(decisions), len(part))
		}
		if err == nil {
			err = in.ctx.Err() // a list has no use for a late no
		}
		if err != nil {
			in.fail(err)
			return nil, nil
		}
		for _, d := range decisions {
			allowed = append(allowed, d.Allowed)
		}
	}
	return allowed, nil
}
