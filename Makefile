# What people do here. CONTRIBUTING.md says what a change needs.

.PHONY: help quick check bench cover

help:
	@echo "make quick   format, vet and test what has changed: under half a minute"
	@echo "make check   everything that must hold before a change lands (.ci/run)"
	@echo "make bench   every layer and the whole chain beside its peers, as ratios"
	@echo "make cover   statements that no test reaches, in coverage.out"

quick:
	bash .ci/run quick

check:
	bash .ci/run

bench:
	cd internal/bench && go run ./cmd/report

cover:
	go test -coverpkg="$$(go list ./... | grep -vE '/(examples|internal/engine)(/|$$)' | paste -sd,)" -coverprofile=coverage.out ./...
	go tool cover -func=coverage.out | tail -n 1
