.DEFAULT_GOAL := help
.PHONY: help check test deps gen fmt bench dist deb

# The race detector needs a C compiler. CI must have one.
race := $(if $(or $(CI),$(shell command -v $$(go env CC))),-race)

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile

check: ## formatting, go vet, staticcheck, and that bench compiles
	@files=$$(gofmt -l .) && if [ -n "$$files" ]; then echo "not formatted (make fmt):" $$files; exit 1; fi
	go vet ./...
	go tool staticcheck ./...
	cd bench && go vet ./...

test: deps check ## all that a change must pass
	go test $(race) -timeout 40m ./...

deps: ## install what tests need beside Go: RabbitMQ and clients (Debian, as root)
	@sh internal/testdeps/install.sh

gen: ## write anew what is made from the code: the options in docs/ and in eipd explain
	go generate -tags gendocs ./cmd/eipd

fmt: ## format Go and flow files
	gofmt -w .
	go run ./cmd/eipd fmt flows docs examples/*/*.hcl

bench: ## run the benchmarks, and measure eipd beside others: docs/benchmarks.md
	go test -run '^$$' -bench . -benchmem ./...
	cd bench && go test . && go run .

dist: ## build for all systems into out/dist, with checksums and a software bill of materials each
	sh packaging/dist.sh

deb: ## make a Debian package for this machine into out
	sh packaging/build.sh out/eipd
	sh packaging/deb.sh out/eipd $$(go env GOARCH) $$(sh packaging/version.sh | sed 's/^v//; s/^[^0-9]/0~&/') out
