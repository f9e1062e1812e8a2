package peers

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// needed are the programs and files of the suite and the Debian packages that hold them.
var needed = []struct{ program, file, pkg string }{
	{program: "linphonec", pkg: "linphone-cli"},
	{file: speech, pkg: "linphone-common"},
	{program: "sipp", pkg: "sip-tester"},
	{program: "baresip", pkg: "baresip-core"},
	{file: baresipModules + "/dtls_srtp.so", pkg: "baresip-core"},
	{program: "chromium", pkg: "chromium"},
	{program: "gcc", pkg: "gcc"},
	{file: "/usr/include/srtp2/srtp.h", pkg: "libsrtp2-dev"},
	{file: "/usr/include/bzrtp/bzrtp.h", pkg: "libbzrtp-dev"},
	{file: "/usr/include/sqlite3.h", pkg: "libsqlite3-dev"},
}

// speech is what a linphone plays into a call.
const speech = "/usr/share/sounds/linphone/toy-mono.wav"

// Missing tells which packages have to be installed, and how; nil when everything is there.
func Missing() error {
	var missing []string
	for _, n := range needed {
		var err error
		if n.program != "" {
			_, err = exec.LookPath(n.program)
		} else {
			_, err = os.Stat(n.file)
		}
		if err != nil && !slices.Contains(missing, n.pkg) {
			missing = append(missing, n.pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("these packages are missing; install them with\n    apt-get update && apt-get install -y --no-install-recommends %s", strings.Join(missing, " "))
}
