package config

import "time"

// The sections that this program shares with Flexisip's other servers.

func globalSection() section {
	return section{
		name: sectionGlobal, help: "Settings shared with the other servers of Flexisip; only these matter here.",
		keys: []key{
			text("log-directory", "/var/opt/belledonne-communications/log/flexisip", "Directory of the log file; it is created when missing. /dev/null: no log file.",
				func(c *Config) *string { return &c.Global.LogDirectory }),
			text("log-filename", "flexisip-{server}.log", "Name of the log file; {server} becomes b2bua. SIGHUP opens it anew, for logrotate.",
				func(c *Config) *string { return &c.Global.LogFilename }),
			choice("log-level", "message", "What the log file and the terminal show: debug, message, warning or error. One line for every call is at level message.",
				"unknown log level", func(c *Config) *Level { return &c.Global.LogLevel }, LevelDebug, LevelMessage, LevelWarning, LevelError),
			choice("syslog-level", "error", "What goes to syslog with --syslog: debug, message, warning or error.",
				"unknown log level", func(c *Config) *Level { return &c.Global.SyslogLevel }, LevelDebug, LevelMessage, LevelWarning, LevelError),
			duration("memory-usage-log-interval", "0", time.Second, "Log the memory in use every so often. 0: never.",
				func(c *Config) *time.Duration { return &c.Global.MemoryUsageLogInterval }),
			boolean("dump-corefiles", "false", "Allow core files.", func(c *Config) *bool { return &c.Global.DumpCorefiles }),
			duration("watchdog-notify-interval", "1s", time.Millisecond, "Time between two notifications to the watchdog of systemd.",
				func(c *Config) *time.Duration { return &c.Global.WatchdogNotifyInterval }, aboveZero),
		},
		// Keys of the proxy and its libraries: a shared file may set them, they mean nothing here.
		quiet: []string{
			"default-servers", "enable-snmp", "sofia-level", "user-errors-logs", "contextual-log-filter", "contextual-log-level", "show-body-for",
			"unique-id", "plugins-dir", "plugins", "transports", "aliases", "tls-certificates-dir", "tls-certificates-file",
			"tls-certificates-private-key", "tls-certificates-ca-file", "tls-certificates-check-interval", "tls-ciphers",
			"require-peer-certificate", "transaction-timeout", "udp-mtu", "keepalive-interval", "tport-message-queue-size",
			"max-tcp-connections", "auto-respawn", "debug", "log-file", "max-log-size", "use-maddr", "use-rport", "force-client-certificate",
			"idle-timeout", "proxy-to-proxy-keepalive-interval", "p12-passphrase-file", "display-name",
		},
	}
}

func registrarSection() section {
	secret := key{
		name: "redis-auth-password", kind: "String", secret: true, help: "Password of the Redis server.",
		store: func(c *Config, v value) error { c.Registrar.RedisAuthPassword = Secret(v.text); return nil },
	}
	domain := text("redis-server-domain", "localhost", "Host of the Redis server that announces changes of accounts. Live updates are off unless it is set.",
		func(c *Config) *string { return &c.Registrar.RedisServerDomain })
	return section{
		name: sectionRegistrar, help: "The Redis server, for sip-bridge pools that are loaded from SQL.",
		keys: []key{
			domain,
			port("redis-server-port", "6379", "Port of the Redis server.", func(c *Config) *uint16 { return &c.Registrar.RedisServerPort }),
			text("redis-auth-user", "", "User name, with a password (Redis ACL).", func(c *Config) *string { return &c.Registrar.RedisAuthUser }),
			secret,
			duration("redis-slave-check-period", "60", time.Second, "Time between two looks at the replicas of the server.",
				func(c *Config) *time.Duration { return &c.Registrar.RedisSlaveCheckPeriod }),
			boolean("redis-use-slaves-as-backup", "true", "Use a replica when the server fails.",
				func(c *Config) *bool { return &c.Registrar.RedisUseSlavesAsBackup }),
			duration("redis-subscription-keep-alive-check-period", "60", time.Second, "Time between two checks of the subscription's connection.",
				func(c *Config) *time.Duration { return &c.Registrar.RedisKeepAliveCheck }, aboveZero),
			choice("redis-connection", "tcp", "tcp, tls-server-auth or tls-mutual.", "unknown kind of connection",
				func(c *Config) *string { return &c.Registrar.RedisConnection }, "tcp", "tls-server-auth", "tls-mutual"),
			text("redis-tls-certificate", "", "PEM file of the client certificate, for tls-mutual.", func(c *Config) *string { return &c.Registrar.RedisTLSCertificate }),
			text("redis-tls-key", "", "PEM file of its key, for tls-mutual.", func(c *Config) *string { return &c.Registrar.RedisTLSKey }),
			text("redis-tls-cafile", "", "PEM file of the authorities that the server is verified against, for TLS.", func(c *Config) *string { return &c.Registrar.RedisTLSCAs }),
		},
		noted: map[string]string{"redis-server-timeout": "this setting is deprecated and has no effect; nothing replaces it"},
		quiet: []string{
			"enabled", "filter", "reg-domains", "reg-on-response", "max-contacts-by-aor", "unique-id-parameters", "max-expires", "min-expires",
			"force-expires", "static-records-file", "static-records-timeout", "db-implementation", "redis-record-serializer", "service-route",
			"name-message-expires", "message-expires-param-name", "register-expire-randomizer-max", "delete-registrations-on-startup",
			"assume-unique-domains", "enable-gruu",
		},
	}
}

// foreign are the sections of Flexisip's other servers, in lower case (spec 1.10): a shared file may hold them.
var foreign = []string{
	"global::flexiapi", "cluster", "mdns-register", "event-logs", "presence-server", "regevent-server", "conference-server",
	"stun-server", "voicemail-server", "inter-domain-connections",
	"module::dosprotection", "module::sanitychecker", "module::garbagein", "module::nathelper", "module::authtrustedhosts",
	"module::authopenidconnect", "module::authentication", "module::externalauthentication", "module::authorization",
	"module::datehandler", "module::redirect", "module::presence", "module::regevent", "module::statisticscollector", "module::router",
	"module::pushnotification", "module::contactrouteinserter", "module::loadbalancer", "module::mediarelay", "module::transcoder",
	"module::forward", "module::b2bua", "module::gatewayadapter", "module::capabilities",
}
