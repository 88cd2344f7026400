package bench

import "net/http"

// The names of the subjects in the tables of the whole chain.
const (
	subjectFloor  = "floor"
	subjectOurs   = "bulwark"
	subjectLogged = "bulwark, access log"
	subjectChi    = "chi, httplog, secure, cors, httprate, jwtauth, casbin"
	subjectAuth0  = "the same with ServeMux and auth0's go-jwt-middleware"
	subjectSilent = "ServeMux and go-jwt-middleware, without httplog"
)

// A Subject is one way to defend the service.
type Subject struct {
	Name  string
	Open  bool // it has no defences
	Serve http.Handler
	// Settle waits for what the subject does after it has answered; nil if
	// nothing.
	Settle func()
	Close  func()
}

// Subjects returns all of them, with the floor for a workload.
func Subjects(load Workload) ([]Subject, error) {
	ours, err := NewChain(false)
	if err != nil {
		return nil, err
	}
	logged, err := NewChain(true)
	if err != nil {
		return nil, err
	}
	chi, err := NewChiChain()
	if err != nil {
		return nil, err
	}
	auth0, err := NewAuth0Chain(true)
	if err != nil {
		return nil, err
	}
	silent, err := NewAuth0Chain(false)
	if err != nil {
		return nil, err
	}
	sample := load.Driver(ours, Token())
	_, header, _ := sample.Answer()
	sample.Close()
	return []Subject{
		{Name: subjectFloor, Open: true, Serve: Floor(header), Close: func() {}},
		{Name: subjectOurs, Serve: ours, Close: ours.Close},
		{Name: subjectLogged, Serve: logged, Settle: settled(logged.Audit), Close: logged.Close},
		{Name: subjectChi, Serve: chi, Close: func() {}},
		{Name: subjectAuth0, Serve: auth0, Close: func() {}},
		{Name: subjectSilent, Serve: silent, Close: func() {}},
	}, nil
}
