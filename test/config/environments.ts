import type { Environment } from '../../src/config/files.ts';

const each = (names: string, value = 'x'): Environment =>
  Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, value]),
  );

/** What Kubernetes sets for a Service with a named port. */
const links = (service: string, port = '8080'): Environment => {
  const name = service.toUpperCase().replaceAll('-', '_');
  return {
    [`${name}_SERVICE_HOST`]: '10.0.0.1',
    [`${name}_SERVICE_PORT`]: port,
    [`${name}_SERVICE_PORT_HTTP`]: port,
    [`${name}_PORT`]: `tcp://10.0.0.1:${port}`,
    [`${name}_PORT_${port}_TCP`]: `tcp://10.0.0.1:${port}`,
    [`${name}_PORT_${port}_TCP_PROTO`]: 'tcp',
    [`${name}_PORT_${port}_TCP_PORT`]: port,
    [`${name}_PORT_${port}_TCP_ADDR`]: '10.0.0.1',
  };
};

/** Names of variables as ordinary places have them. */
export const ENVIRONMENTS: Readonly<Record<string, Environment>> = {
  'a Debian shell':
    each(`SHELL PWD LOGNAME XDG_SESSION_TYPE MOTD_SHOWN HOME LANG LS_COLORS SSH_CONNECTION LESSCLOSE
    XDG_SESSION_CLASS TERM LESSOPEN USER SHLVL XDG_SESSION_ID XDG_RUNTIME_DIR SSH_CLIENT PATH DBUS_SESSION_BUS_ADDRESS
    SSH_TTY MAIL OLDPWD _ HOSTNAME HOSTTYPE MACHTYPE OSTYPE EDITOR VISUAL DISPLAY LC_ALL LC_CTYPE PORTS USER_ID GROUPS
    http_proxy https_proxy HTTP_PROXY HTTPS_PROXY no_proxy NO_PROXY all_proxy ALL_PROXY ftp_proxy`),
  npm: each(`npm_config_user_agent npm_config_loglevel npm_config_https_proxy npm_config_noproxy npm_config_cache
    npm_package_name npm_package_version npm_lifecycle_event npm_lifecycle_script npm_node_execpath npm_execpath
    npm_command NODE INIT_CWD COLOR EDITOR npm_config_node_gyp npm_config_prefix NODE_OPTIONS NODE_PATH NODE_VERSION
    NVM_DIR NVM_BIN NODENV_VERSION NODE_EXTRA_CA_CERTS YARN_VERSION`),
  'GitHub Actions':
    each(`CI GITHUB_ACTIONS GITHUB_API_URL GITHUB_ENV GITHUB_EVENT_NAME GITHUB_REF GITHUB_REPOSITORY
    GITHUB_RUN_ID GITHUB_SHA GITHUB_TOKEN GITHUB_WORKSPACE RUNNER_OS RUNNER_TEMP RUNNER_TOOL_CACHE RUNNER_WORKSPACE
    ImageOS ImageVersion ACCEPT_EULA ANDROID_HOME ANT_HOME AZURE_EXTENSION_DIR BOOTSTRAP_HASKELL_NONINTERACTIVE CHROME_BIN
    CONDA DEPLOYMENT_BASEPATH DOTNET_NOLOGO EDGEWEBDRIVER GOROOT_1_22_X64 HOMEBREW_PREFIX JAVA_HOME_17_X64 NVM_DIR
    PIPX_HOME POWERSHELL_DISTRIBUTION_CHANNEL SELENIUM_JAR_PATH SGX_AESM_ADDR SWIFT_PATH USE_BAZEL_FALLBACK_VERSION
    VCPKG_INSTALLATION_ROOT XDG_CONFIG_HOME JOURNAL_STREAM INVOCATION_ID`),
  'GitLab CI':
    each(`CI_JOB_JWT CI_JOB_TOKEN CI_API_V4_URL CI_PROJECT_URL CI_SERVER_URL CI_REGISTRY_USER GITLAB_USER_ID
    GITLAB_USER_LOGIN FF_NETWORK_PER_BUILD CI_ENVIRONMENT_URL`),
  'a container of Docker': {
    ...each('PATH HOSTNAME NODE_VERSION YARN_VERSION HOME TERM PORT_RANGE'),
    ...each('HOST', '0.0.0.0'),
    ...each('PORT', '8080'),
    SANDBOX_PORT: 'tcp://172.17.0.2:8081',
    SANDBOX_NAME: '/gateway/sandbox',
    SANDBOX_ENV_NODE_VERSION: '24',
    SANDBOX_PORT_8081_TCP: 'tcp://172.17.0.2:8081',
    SANDBOX_PORT_8081_TCP_ADDR: '172.17.0.2',
  },
  'a pod of Kubernetes': {
    ...each('HOSTNAME PATH HOME'),
    ...Object.assign(
      {},
      ...[
        'kubernetes',
        'redis',
        'marketo',
        'marketo-gateway',
        'sandbox',
        'jwt',
        'jwt-issuer',
        'lead-gateway',
        'metrics',
        'api-keys',
        'cors',
        'sandbox-state',
      ].map((name) => links(name)),
    ),
  },
  conda: each(`CONDA_DEFAULT_ENV CONDA_EXE CONDA_PREFIX CONDA_PROMPT_MODIFIER CONDA_PYTHON_EXE CONDA_SHLVL
    CONDA_TOOLCHAIN_HOST CONDA_TOOLCHAIN_BUILD CONDA_BUILD_SYSROOT HOST BUILD CC CFLAGS CMAKE_PREFIX_PATH
    CONDA_BUILD_CROSS_COMPILATION DEBUG_CFLAGS _CE_CONDA _CONDA_PYTHON_SYSCONFIGDATA_NAME host_alias build_alias`),
  csh: each('HOST HOSTTYPE MACHTYPE OSTYPE VENDOR GROUP REMOTEHOST SHLVL'),
  Windows:
    each(`ALLUSERSPROFILE APPDATA CommonProgramFiles CommonProgramFiles(x86) COMPUTERNAME ComSpec DriverData
    HOMEDRIVE HOMEPATH LOCALAPPDATA LOGONSERVER NUMBER_OF_PROCESSORS OneDrive OS Path PATHEXT PROCESSOR_ARCHITECTURE
    ProgramData ProgramFiles PROMPT PSModulePath PUBLIC SystemDrive SystemRoot TEMP TMP USERDOMAIN USERNAME USERPROFILE
    windir WSLENV SESSIONNAME =C: WT_SESSION`),
  Heroku: each(
    `DYNO PORT REDIS_URL REDIS_TLS_URL DATABASE_URL WEB_CONCURRENCY WEB_MEMORY HEROKU_APP_NAME`,
    '8080',
  ),
  'Azure App Service':
    each(`WEBSITE_HOSTNAME WEBSITE_SITE_NAME WEBSITES_PORT HTTP_PLATFORM_PORT APPSETTING_PORT
    WEBSITE_INSTANCE_ID CONTAINER_NAME ORYX_ENV_NAME SCM_RUN_FROM_PACKAGE NODE_ENVIRONMENT REGION_NAME`),
  'Cloud Run and Lambda':
    each(`K_SERVICE K_REVISION K_CONFIGURATION CLOUD_RUN_JOB GOOGLE_CLOUD_PROJECT AWS_REGION
    AWS_LAMBDA_LOG_GROUP_NAME AWS_CONTAINER_CREDENTIALS_RELATIVE_URI ECS_CONTAINER_METADATA_URI_V4`),
  'other software in one file of variables':
    each(`POSTGRES_USER POSTGRES_PASSWORD REDIS_HOST REDIS_PASSWORD REDIS_DB
    REDIS_SSL OPENAI_API_KEY STRIPE_API_KEY DATABASE_URL SECRET_KEY SESSION_SECRET LOG_FORMAT LOG_FILE DEBUG PUBLIC_KEY
    PUBLIC_DIR OTEL_SERVICE_NAME OTEL_EXPORTER_OTLP_HEADERS OTEL_LOGS_EXPORTER OTEL_METRICS_EXPORTER
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT OTEL_EXPORTER_OTLP_LOGS_PROTOCOL OTEL_SPAN_EVENT_COUNT_LIMIT
    OTEL_LINK_ATTRIBUTE_COUNT_LIMIT MAX_CONNECTIONS SHUTDOWN_TIMEOUT`),
};
