package exec_test

import (
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/adapter/exec"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
	"github.com/eipd/eipd/eip/eiptest"
)

func TestByteOrderMark(t *testing.T) {
	for name, c := range adaptertest.Marked {
		if len(c.Want) == 0 {
			continue // nothing ever comes
		}
		t.Run(name, func(t *testing.T) {
			a := exec.New()
			a.Command, a.MaxBody = []string{"sh", "-c", `printf %s "$1"; sleep 60`, "sh", c.In + "\n"}, 8
			if strings.HasSuffix(c.In, "\n") {
				a.Command[4] = c.In
			}
			s := adaptertest.OpenSource(t, a, eiptest.AdapterEnv())
			defer adaptertest.Close(t, s)
			adaptertest.Expect(t, s, c.Want...)
		})
	}
}
