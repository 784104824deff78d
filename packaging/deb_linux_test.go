package packaging_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eipd/eipd/internal/rabbit"
)

// The package is installed below a root of its own, runs, and is purged: nothing is left
// there but data. The machine's own users and services are not touched: what would change
// them is noted and not done.
func TestDeb(t *testing.T) {
	for _, tool := range []string{"/usr/bin/dpkg", "/usr/bin/dpkg-deb"} {
		rabbit.Require(t, tool)
	}
	if os.Getuid() != 0 {
		t.Skip("dpkg installs as root only")
	}
	tmp := t.TempDir()
	root, bin, data := filepath.Join(tmp, "root"), filepath.Join(tmp, "bin"), filepath.Join(tmp, "root/var/lib/eipd")
	for _, dir := range []string{bin, data, filepath.Join(root, "var/lib/dpkg/info"), filepath.Join(root, "var/lib/dpkg/updates"), filepath.Join(root, "var/lib/dpkg/triggers")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, text string, mode fs.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(root, "var/lib/dpkg/status"), "", 0o600)
	noted := filepath.Join(tmp, "noted")
	for _, name := range []string{"adduser", "chgrp", "systemctl"} {
		write(filepath.Join(bin, name), "#!/bin/sh\necho "+name+" \"$@\" >> "+noted+"\n", 0o700)
	}
	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.Command(name, args...)
		c.Dir, c.Env = "..", append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	binary := filepath.Join(tmp, "eipd")
	run("sh", "packaging/build.sh", binary)
	said := strings.Split(run("sh", "packaging/deb.sh", binary, runtime.GOARCH, "1.2.3", tmp), "\n")
	deb := said[len(said)-1]
	dpkg := func(args ...string) string {
		t.Helper()
		return run("dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--force-depends", "--log=" + os.DevNull}, args...)...)
	}
	dpkg("--install", deb)
	if b, _ := os.ReadFile(noted); !strings.Contains(string(b), "adduser --quiet --system --group") || !strings.Contains(string(b), "chgrp eipd "+root) || strings.Contains(string(b), "systemctl") {
		t.Errorf("the installation did\n%s", b)
	}
	if info, err := os.Stat(filepath.Join(root, "etc/eipd/eipd.env")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("eipd.env: %v %v", info, err)
	}
	for _, file := range []string{"lib/systemd/system/eipd.service", "usr/share/man/man1/eipd-run.1.gz", "usr/share/man/man1/eipd.1.gz",
		"usr/share/bash-completion/completions/eipd", "usr/share/zsh/vendor-completions/_eipd", "usr/share/fish/vendor_completions.d/eipd.fish"} {
		if info, err := os.Stat(filepath.Join(root, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	installed, flows := filepath.Join(root, "usr/bin/eipd"), filepath.Join(root, "etc/eipd/flows")
	write(filepath.Join(flows, "flow.hcl"), "queue \"q\" {}\nflow \"f\" {\n  from = queue.q\n  discard {}\n}\n", 0o644)
	c := exec.Command(installed, "run", flows, "--data-dir", data)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		status, err := exec.Command(installed, "status", "--data-dir", data).CombinedOutput()
		if err == nil && strings.Contains(string(status), "running") {
			break
		}
		if time.Now().After(deadline) {
			_ = c.Process.Kill()
			t.Fatalf("it does not run: %s", status)
		}
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if said := dpkg("--purge", "eipd"); !strings.Contains(said, "/var/lib/eipd is left") {
		t.Errorf("the purge says %s", said)
	}
	kept := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name, _ := filepath.Rel(root, path); {
		case err != nil:
			return err
		case strings.HasPrefix(name, "var/lib/dpkg"):
		case strings.HasPrefix(name, "var/lib/eipd/"):
			kept++
		case !d.IsDir() || strings.Contains(name, "eipd") && name != "var/lib/eipd":
			t.Errorf("%s is left", name)
		}
		return nil
	})
	if err != nil || kept == 0 {
		t.Errorf("%d files of data are left: %v", kept, err)
	}
}
