package redisfeed

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// Host is where a server listens.
type Host struct {
	Name string // name or address, without brackets
	Port uint16
}

// String is host:port, with brackets where the host is an IPv6 address.
func (h Host) String() string {
	if strings.Contains(h.Name, ":") {
		return "[" + h.Name + "]:" + strconv.Itoa(int(h.Port))
	}
	return h.Name + ":" + strconv.Itoa(int(h.Port))
}

// Replication is what a server tells of itself.
type Replication struct {
	Master   bool
	LinkUp   bool   // a replica's: it hears its master
	MasterAt Host   // a replica's master
	Replicas []Host // a master's
}

// ParseReplication reads an answer to INFO replication. Lines that are not known or not understood are passed over; without a role
// it is an error.
func ParseReplication(text string) (Replication, error) {
	if len(text) > maxInfo {
		text = text[:maxInfo]
	}
	var r Replication
	var role, masterHost, masterPort string
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case name == "role":
			role = value
		case name == "master_host":
			masterHost = value
		case name == "master_port":
			masterPort = value
		case name == "master_link_status":
			r.LinkUp = value == "up"
		case replicaLine(name) && len(r.Replicas) < maxReplicas:
			if h, ok := replica(value); ok {
				r.Replicas = append(r.Replicas, h)
			}
		}
	}
	switch role {
	case "master":
		return Replication{Master: true, Replicas: r.Replicas}, nil
	case "slave", "replica":
		h, ok := host(masterHost, masterPort)
		if !ok {
			return Replication{}, errors.New("it is a replica and does not say where its master is")
		}
		r.MasterAt, r.Replicas = h, nil
		return r, nil
	}
	return Replication{}, errors.New("its answer to INFO replication names no role that is known")
}

// replicaLine: slave0, slave1, ….
func replicaLine(name string) bool {
	number, ok := strings.CutPrefix(name, "slave")
	_, err := strconv.ParseUint(number, 10, 16)
	return ok && err == nil
}

// replica reads ip=…,port=…,state=…, or host,port,state as servers before 2.8 write it.
func replica(value string) (Host, bool) {
	parts := strings.Split(value, ",")
	if len(parts) >= 2 && !strings.Contains(parts[0], "=") {
		return host(parts[0], parts[1])
	}
	var name, port string
	for _, p := range parts {
		switch k, v, _ := strings.Cut(p, "="); k {
		case "ip":
			name = v
		case "port":
			port = v
		}
	}
	return host(name, port)
}

func host(name, port string) (Host, bool) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || name == "" || len(name) > 253 {
		return Host{}, false
	}
	if _, err := netip.ParseAddr(name); err != nil && strings.ContainsFunc(name, notInHostName) {
		return Host{}, false
	}
	return Host{name, uint16(n)}, true
}

func notInHostName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
}
