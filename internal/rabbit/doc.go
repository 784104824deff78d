// Package rabbit starts RabbitMQ nodes for tests: each with a folder, ports and a
// port mapper of its own, on the loopback interface only, and gone with the test
// binary however that ends. It needs Debian's rabbitmq-server package, which
// internal/testdeps installs; without it tests are skipped, and fail with CI=true.
package rabbit
