"""Words by which customers ask for what shops write in other words, in Russian and in English.

A line, with those set in behind it, holds words that stand for each other, of both languages: so a question in one
finds a passage in the other.
Only what shops and services have in common stands here; what one shop alone says is for "also asked as".
"""

from __future__ import annotations

from functools import cache

from replyx.knowledge.words import stem_of

SAME = """
доставка доставить доставлять привезти привезете привоз отправить отправка отправлять прийти придет приехать
  получить ship shipping deliver delivery arrive dispatch
посылка заказ покупка бандероль отправление package parcel order shipment purchase
курьер доставщик водитель courier driver carrier
отследить отслеживание отслеживать трек статус едет идет track tracking status
самовывоз пункт забрать выдача выдачи забирать pickup collect collection
вернуть возврат возвращать обратно return refund
обмен обменять поменять замена заменить exchange swap replace replacement
брак бракованный сломан сломался неисправный дефект поврежден повреждение разбит разбился помят мятый порванный
  broken damaged damage defective faulty cracked torn
деньги средства money cash
оплата оплатить оплачивать платить платеж заплатить pay payment paid
списание списать списали charge charged withdraw
цена стоимость стоить стоит сколько тариф price cost rate fee much pricing
рассрочка частями кредит долями installment instalment credit
скидка промокод купон акция распродажа discount coupon promo voucher sale
бонус бонусы баллы балл кешбэк points bonus rewards loyalty cashback
аккаунт кабинет профиль учетный account profile
пароль логин вход войти зайти авторизация password login credential sign
код смс sms сообщение code otp
удалить стереть удаление delete remove erase
отменить отмена аннулировать прекратить cancel cancellation stop terminate
подписка подписаться ежемесячный ежемесячно subscription plan monthly membership
рассылка письма письмо почта спам отписаться newsletter email mail unsubscribe
уведомление оповещение пуш push notification alert
телефон смартфон мобильный phone smartphone mobile
адрес улица address street
изменить сменить поменять исправить изменение смена change edit correct update modify
неправильный неверный ошибочный ошибка wrong incorrect mistake
оператор сотрудник человек поддержка специалист менеджер консультант operator agent human person support
  representative staff
чек документ квитанция счет накладная бухгалтерия receipt invoice bill
наличие продажа появится закончился ассортимент stock available availability
размер сетка size sizing
примерка примерить померить мерить try fitting
фото фотография картинка изображение снимок photo picture image
товар позиция вещь изделие продукт product item goods article
загрузить залить импорт импортировать import upload
выгрузить выгрузка экспорт скачать export download
таблица excel xls csv spreadsheet table
продавец продавать торговать партнер seller sell vendor merchant
магазин салон бутик shop store
модерация проверка проверить review moderation check
отклонить отклонили отказ отказали reject rejected decline declined refuse
взлом взломать взломали чужой посторонний hack hacked stolen compromise
уязвимость баг безопасность security vulnerability bug
сотрудник работник коллега employee staff team colleague
sso saml единый корпоративный corporate identity
лимит ограничение limit throttle quota
прошивка обновить обновление firmware update upgrade
вайфай wifi сеть интернет подключиться подключение подключается network connect connection internet
гарантия гарантийный warranty guarantee
ремонт починить отремонтировать repair fix
сборка собрать монтаж установка установить assemble assembly install installation
мебель шкаф диван furniture
граница зарубеж страна казахстан беларусь армения международный abroad international country overseas
таможня пошлина налог customs duty tax vat
подарок подарить подарочный gift present
упаковка коробка обертка package box wrap wrapping
срок сроки долго скоро long time soon term
график часы расписание работаете открыты hours open opening schedule
отзыв оценка отзывы review rating feedback
жалоба пожаловаться претензия complaint complain
карта карточка банковский card
наличные наличными cash
дважды двойной повторно twice double duplicate
потерялся потеряли потерян пропал lost missing
доверенность другой родственник жена муж вместо behalf else relative
косметика помада духи крем cosmetics makeup
одежда платье рубашка куртка clothes dress shirt jacket clothing
обувь ботинки кроссовки туфли shoes boots sneakers
материал состав ткань хлопок material fabric composition cotton
стирка стирать постирать уход чистить wash washing laundry care clean
цвет расцветка color colour
бесплатно бесплатный даром free
срочно быстро экспресс срочный express fast urgent overnight
опт оптом оптовый wholesale bulk
вакансия работа устроиться job career vacancy
инструкция руководство manual instruction guide
личный персональный данные personal data privacy
язык language
адвокат юрлицо компания организация фирма company business corporate legal
"""


@cache
def synonyms() -> dict[str, frozenset[str]]:
    """For each stem those that stand for it, itself among them."""
    found: dict[str, frozenset[str]] = {}
    for line in SAME.strip().replace("\n  ", " ").splitlines():
        stems = frozenset(map(stem_of, line.split()))
        for stem in stems:
            found[stem] = found.get(stem, frozenset()) | stems
    return found
