"""What the doctor says in Russian; see :mod:`replyx.doctor.words_en`."""

from __future__ import annotations

_BACKUP = "replyx backup --keep 14 КАТАЛОГ делает копию, не останавливая сервер; пусть cron вызывает его по ночам."
_X_FORWARDED_FOR = "nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; HAProxy: "

RUSSIAN: dict[str, tuple[str, str]] = {
    # From inside
    "program": ("ReplyX {version}, Python {python}, SQLite {sqlite}", ""),
    "data_dir": ("{path} доступен только владельцу", ""),
    "data_dir_open": (
        "{path} открыт другим пользователям этой машины (права {mode})",
        "Там все разговоры и ключи: chmod 700 {path}",
    ),
    "data_dir_foreign": (
        "{path} принадлежит не тому пользователю, который спрашивает",
        "Запускайте сервер и все команды от имени владельца каталога: sudo -u {owner} replyx …",
    ),
    "secrets_open": (
        "{path} могут прочитать другие пользователи этой машины",
        "Прочитавший сможет выдать себя за любого: chmod 600 {path}, затем replyx secrets rotate",
    ),
    "disk": ("для данных свободно {free} МБ", ""),
    "disk_low": (
        "для данных свободно только {free} МБ",
        "Полный диск не примет ни одного сообщения. Освободите место в {path} или перенесите DATA_DIR на больший диск.",
    ),
    "disk_shared": (
        "{path} лежит на сетевой файловой системе ({kind})",
        "SQLite не может полагаться там на блокировки. Держите DATA_DIR на местном диске или возьмите PostgreSQL"
        " (DATABASE_URL).",
    ),
    "database": ("база данных отвечает: {kind}, схема {schema}", ""),
    "database_absent": ("в {path} нет установки", "Назовите --data-dir или DATABASE_URL сервера."),
    "database_silent": ("база данных не открывается: {why}", "Проверьте DATABASE_URL и её сервер."),
    "database_whole": ("все страницы базы данных целы", ""),
    "database_damaged": (
        "база данных повреждена: {why}",
        "Остановите сервер и вернитесь к последней копии: replyx restore КАТАЛОГ",
    ),
    "database_failing": (
        "в базу данных нельзя писать: {why}",
        "Пока это так, сообщения не принимаются.",
    ),
    "schema_older": (
        "схема базы данных {schema}, у программы {own}",
        "Сервер обновит её при следующем запуске и оставит рядом копию.",
    ),
    "schema_newer": (
        "схема базы данных {schema}, программа знает {own}",
        "Старая программа в неё не пишет: запустите более новый ReplyX.",
    ),
    # Before an upgrade
    "schema_same": ("схема базы та же, что у этой программы: {schema}; при запуске ничего не изменится", ""),
    "no_installation": (
        "в базе нет установки",
        "Назовите --data-dir или DATABASE_URL того сервера, который обновляете.",
    ),
    "half_moved": (
        "в базе лежит начало переноса",
        "Сервер на ней не запустится: завершите перенос той же командой replyx move.",
    ),
    "upgrade_room": ("свободно {free} МБ, копия и само изменение займут не больше {needed} МБ", ""),
    "upgrade_no_room": (
        "свободно только {free} МБ, а копия и само изменение могут занять {needed} МБ",
        "Без места обновление не начнётся и ничего не изменится. Освободите место в {path}; старые копии кончаются"
        " на .before-….",
    ),
    "upgrade_without_copy": (
        "PostgreSQL изменяется без копии",
        "Сначала сделайте её: pg_dump --format=custom, и сохраните рядом secrets.json.",
    ),
    "upgrade_in_use": (
        "база занята: {why}",
        "Остановите все серверы старой версии, прежде чем запускать новую: новую схему они не знают.",
    ),
    "upgrade_unused": ("базой больше никто не пользуется", ""),
    "clock": ("часы не отстают от последнего события", ""),
    "clock_behind": (
        "часы отстают от последнего события на {minutes} мин.",
        "По ним живут токены и сроки. Пусть машина следует серверу времени (timedatectl set-ntp true).",
    ),
    "files": ("одновременно могут быть открыты {count} соединений и файлов", ""),
    "files_few": (
        "одновременно могут быть открыты только {count} соединений и файлов",
        "Каждый посетитель с открытым чатом занимает одно. LimitNOFILE=65536 в юните systemd или ulimit -n 65536.",
    ),
    "zones_missing": ("в системе нет часовых поясов", "Они нужны для TIME_ZONE и сроков. Установите tzdata."),
    "certificates": ("система знает, кому доверять в TLS", ""),
    "certificates_missing": (
        "система не знает ни одного центра сертификации",
        "Вебхуки и push-сообщения не уйдут. Установите ca-certificates или задайте SSL_CERT_FILE.",
    ),
    "redis": ("Redis отвечает за {ms} мс", ""),
    "redis_silent": (
        "Redis не отвечает: {why}",
        "Без него события доходят до других процессов с опозданием. Проверьте REDIS_URL и его сервер.",
    ),
    "demo_public": (
        "эту базу заполнило демо, его пароли известны всем",
        "Для сервера, до которого дойдут другие, начните заново в другом DATA_DIR.",
    ),
    "demo": ("это демо", "Его пароли известны всем: для настоящей работы начните с другого DATA_DIR."),
    "backup": ("последней копии {days} дн.", ""),
    "backup_old": ("последней копии уже {days} дн.", _BACKUP),
    "backup_never": ("копию этой базы командой replyx backup ещё не делали", _BACKUP),
    "no_admin": (
        "администрировать эту установку некому",
        "replyx account add EMAIL --role admin или откройте /admin с кодом из replyx init.",
    ),
    "widget_nowhere": (
        "виджет {widget} разрешён только на местных адресах",
        "Добавьте ему домен сайта: панель, «Виджеты».",
    ),
    "trusts_everybody": (
        "TRUSTED_PROXIES верит всем",
        "Любой назовётся любым адресом, и ни одно ограничение не подействует. Назовите только адреса своих прокси.",
    ),
    "no_public_url": (
        "PUBLIC_URL не задан",
        "В кодах для сайта и ссылках стоит {url}. Задайте в PUBLIC_URL адрес, по которому приходят браузеры.",
    ),
    # By way of its own address
    "address_unknown": ("у {host} нет адреса: {why}", "Проверьте имя в PUBLIC_URL и его DNS."),
    "unreachable": (
        "{host}:{port} не отвечает: {why}",
        "Запущен ли прокси (или сервер), пропускает ли этот порт межсетевой экран?",
    ),
    "tls": ("сертификат действует ещё {days} дн.", ""),
    "tls_ending": (
        "сертификат кончится через {days} дн.",
        "Проверьте того, кто его обновляет (certbot, журнал Caddy).",
    ),
    "tls_wrong": (
        "сертификату нельзя верить: {why}",
        "Браузеры его тоже не примут. Прокси должен отдавать всю цепочку, и на это имя.",
    ),
    "answers": ("{url} отвечает: ReplyX {version}", ""),
    "answers_wrong": (
        "{url}/health отвечает {status}",
        "Прокси должен передавать ReplyX все пути, а ReplyX работать. 502 и 504 говорит сам прокси, когда не"
        " дозвался сервера.",
    ),
    "another_installation": (
        "{url} — другая установка, не та, что в {path}",
        "Проверьте порт, на который передаёт прокси, и --data-dir.",
    ),
    "public_url": ("PUBLIC_URL — {url}", ""),
    "public_url_other": (
        "PUBLIC_URL — {named}, а приходят по адресу {url}",
        "Задайте PUBLIC_URL={url}; до тех пор в кодах для сайта стоит не тот адрес.",
    ),
    "host": ("сервер видит тот Host, который шлют браузеры", ""),
    "host_lost": (
        "сервер видит Host {seen}, а браузеры шлют {sent}",
        "Прокси должен передавать Host. nginx: proxy_set_header Host $host; Caddy и HAProxy делают это сами, если"
        " им не мешать.",
    ),
    "scheme": ("сервер знает, что приходят по {scheme}", ""),
    "scheme_lost": (
        "приходят по {scheme}, а сервер видит {seen}",
        "Прокси должен слать X-Forwarded-Proto. nginx: proxy_set_header X-Forwarded-Proto $scheme;"
        " HAProxy: http-request set-header X-Forwarded-Proto https; а в TRUSTED_PROXIES должен стоять {peer}.",
    ),
    "direct": ("прокси перед сервером нет", ""),
    "address": ("перед сервером стоит прокси, и сервер видит адреса самих людей", ""),
    "address_lost": (
        "перед сервером стоит прокси и не говорит, кто пришёл",
        f"Все посетители делят одно ограничение. {_X_FORWARDED_FOR}option forwardfor; затем TRUSTED_PROXIES={{peer}}",
    ),
    "proxy_untrusted": (
        "прокси {peer} не верят",
        "Все посетители делят одно ограничение. Задайте TRUSTED_PROXIES={peer}",
    ),
    "address_forged": (
        "пришедший может назваться любым адресом",
        f"Прокси передаёт X-Forwarded-For посетителя как есть. {_X_FORWARDED_FOR}http-request del-header"
        " X-Forwarded-For перед option forwardfor.",
    ),
    "websocket": ("WebSocket работает", ""),
    "websocket_dropped": (
        "WebSocket не проходит: прокси теряет Upgrade",
        "nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;"
        " proxy_set_header Connection $connection_upgrade; (и его map, см. docs/proxies/nginx.conf)",
    ),
    "websocket_refused": (
        "на WebSocket отвечают {status}",
        "Передавайте Host и задайте в PUBLIC_URL адрес, по которому приходят браузеры.",
    ),
    "websocket_silent": ("на WebSocket нет ответа {seconds} с", "Прокси должен передавать /ws."),
    "secure": ("приходят по TLS", ""),
    "insecure": (
        "приходят без TLS",
        "Любой по дороге может читать и вписывать своё. Пусть прокси говорит по https; тогда задайте его в PUBLIC_URL.",
    ),
    "websocket_failed": (
        "из этого браузера WebSocket не проходит",
        "Прокси теряет Upgrade или отвергает источник: replyx doctor на сервере назовёт нужную строку.",
    ),
    "stream": ("поток событий начинается через {ms} мс", ""),
    "stream_buffered": (
        "поток событий не начался за {seconds} с: его удерживает прокси",
        "nginx: proxy_buffering off; и без proxy_ignore_headers X-Accel-Buffering.",
    ),
    "stream_compressed": (
        "прокси сжимает потоки событий ({encoding})",
        "Сжатые события ждут следующих. Исключите text/event-stream: gzip_types в nginx, encode с условием в Caddy,"
        " compression type в HAProxy.",
    ),
    "stream_refused": ("на поток событий отвечают {status}", "Прокси должен передавать /api."),
    "stream_unseen": (
        "потоки событий не проверены",
        "Нужен токен администратора: запустите команду там, где DATA_DIR, или дайте токен в REPLYX_TOKEN.",
    ),
    "socketio": ("Socket.IO работает, и опросом, и по WebSocket", ""),
    "socketio_polling": (
        "на опрос Socket.IO отвечают {status}",
        "Прокси должен передавать /socket.io/ вместе с запросом после «?».",
    ),
    "socketio_websocket": (
        "Socket.IO работает только опросом",
        "Его WebSocket не проходит, и каждое сообщение стоит лишнего запроса.",
    ),
    "widget_script": ("widget.js загружается", ""),
    "widget_script_wrong": (
        "на {url}/widget.js отвечают {status}, вид {kind}",
        "Ни один сайт не покажет чат. Прокси должен передавать /widget.js и /static или отдавать те же файлы.",
    ),
}
